/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Native buffers: dma-bufs made through peerbuf, the provider that decides when
 * they are accessible, and typed attachments to any dma-buf.
 *
 * A native buffer is an ordinary dma-buf. Importers that know nothing of mapping
 * types attach to it with dma_buf_dynamic_attach() and get the SGT adapter.
 *
 * Lock order, outermost first: importer's own lock (a container), device's memory
 * lock (VFIO), provider lock, reservation lock of the buffer, leaf locks. An
 * invalidate callback runs under the reservation lock and may take leaf locks
 * only. Lockdep learns it when peerbuf_core is loaded (core/main.c).
 *
 * Since 0.1.
 */
#ifndef _LINUX_PEERBUF_BUFFER_H
#define _LINUX_PEERBUF_BUFFER_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/peerbuf/match.h>
#include <linux/peerbuf/state.h>

struct dma_buf;
struct dma_buf_phys_list;
struct module;
struct peerbuf_provider;

/* -------------------------------------------------------------- the provider */

/**
 * struct peerbuf_provider_ops - what a provider knows about its device
 * @decoding: does the device answer on its memory right now? Asks the hardware, not
 *	a shadow of it. Provider lock held; may sleep; takes no lock that is held
 *	while peerbuf_provider_block() or peerbuf_provider_unblock() is called.
 */
struct peerbuf_provider_ops {
	bool (*decoding)(struct peerbuf_provider *p);
};

/**
 * struct peerbuf_provider - the device whose memory a set of buffers shows
 * @ops: see above
 * @name: for reports; the device's name
 * @lock: serialises events; held while buffers are revoked and restored
 * @facts: protected by @lock
 * @buffers: native buffers of this provider; protected by a lock of the core's
 *
 * Embedded by the exporter. Buffers may outlive it once it was closed.
 */
struct peerbuf_provider {
	const struct peerbuf_provider_ops *ops;
	const char *name;
	struct mutex lock;
	struct peerbuf_facts facts;
	struct list_head buffers;
};

/**
 * peerbuf_provider_init - prepare a provider
 * @p: the provider
 * @ops: its operations
 * @name: for reports; must outlive the provider
 */
void peerbuf_provider_init(struct peerbuf_provider *p,
			   const struct peerbuf_provider_ops *ops,
			   const char *name);

/**
 * peerbuf_provider_fini - the device goes away
 * @p: the provider; peerbuf_provider_close() was called
 *
 * Buffers that are still open are DEAD and stay so on their own.
 */
void peerbuf_provider_fini(struct peerbuf_provider *p);

/**
 * peerbuf_provider_block - take access away
 * @p: the provider
 * @cause: why; counted
 *
 * Returns when no importer can reach the memory any more: IOMMU mappings are gone
 * and flushed, fences have signalled, scatterlists have been given back. It may
 * wait for an importer without bound; the log, a tracepoint and debugfs name it
 * meanwhile.
 *
 * Context: process, may sleep; no reservation lock held.
 */
void peerbuf_provider_block(struct peerbuf_provider *p,
			    enum peerbuf_cause cause);

/**
 * peerbuf_provider_unblock - undo one peerbuf_provider_block()
 * @p: the provider
 * @cause: as given to peerbuf_provider_block()
 *
 * Access comes back if no cause is left and the device decodes its memory.
 *
 * Context: as peerbuf_provider_block().
 */
void peerbuf_provider_unblock(struct peerbuf_provider *p,
			      enum peerbuf_cause cause);

/**
 * peerbuf_provider_set - a condition, not an event: it is there or it is not
 * @p: the provider
 * @cause: POWER or ERROR, which are never given to peerbuf_provider_block()
 * @on: is it there now?
 *
 * Context: as peerbuf_provider_block().
 */
void peerbuf_provider_set(struct peerbuf_provider *p, enum peerbuf_cause cause,
			  bool on);

/**
 * peerbuf_provider_is_blocked - is a cause there?
 * @p: the provider
 * @cause: any
 *
 * For devices whose memory depends on this one. Takes no lock: who must not miss a change
 * is told of it after peerbuf_provider_block() or peerbuf_provider_set() has returned.
 *
 * Return: whether it is.
 */
bool peerbuf_provider_is_blocked(const struct peerbuf_provider *p, enum peerbuf_cause cause);

/**
 * peerbuf_provider_update - something about the device may have changed
 * @p: the provider
 *
 * Asks the device again and revokes or restores accordingly.
 *
 * Context: as peerbuf_provider_block().
 */
void peerbuf_provider_update(struct peerbuf_provider *p);

/**
 * peerbuf_provider_open - the device has a user again
 * @p: the provider
 *
 * New buffers may be exported. Those of an earlier user stay DEAD.
 */
void peerbuf_provider_open(struct peerbuf_provider *p);

/**
 * peerbuf_provider_close - the device's user is gone
 * @p: the provider
 *
 * Every buffer is revoked and DEAD when this returns, and belongs to nobody.
 *
 * Context: as peerbuf_provider_block().
 */
void peerbuf_provider_close(struct peerbuf_provider *p);

/* ------------------------------------------------------------ native buffers */

/**
 * struct peerbuf_exporter_ops - the exporter's side of a native buffer
 * @match_mapping: negotiates by calling dma_buf_match_mapping() with its own list
 * @release: the last reference is gone; frees @priv. Mandatory. Not called when
 *	peerbuf_export() fails.
 *
 * Either @match_mapping or peerbuf_export_info.single_exporter_match is set.
 */
struct peerbuf_exporter_ops {
	int (*match_mapping)(struct dma_buf_match_args *args, void *priv);
	void (*release)(void *priv);
};

/**
 * struct peerbuf_export_info - a buffer to be made
 * @owner: module that @ops live in
 * @exp_name: name for debugfs
 * @ops: exporter's operations
 * @single_exporter_match: the one entry of an exporter without match_mapping;
 *	copied
 * @provider: decides about access; NULL for memory that is always accessible
 * @cpu_list: what processes see that mmap() the buffer; NULL when they must not. The buffer
 *	takes a reference of its own.
 * @cpu_ram: @cpu_list is RAM: processes see it cached, and without a provider importers
 *	can map it in the kernel with dma_buf_vmap(). Otherwise it is uncached.
 * @cpu_combine: @cpu_list is device memory whose reads have no side effects, and that may
 *	be written in any order: its owner can ask for write combining
 * @size: bytes; a multiple of the page size, not 0
 * @flags: open(2) flags: access mode and O_CLOEXEC. Without write access importers are
 *	refused mappings that a device could write through.
 * @priv: the exporter's
 */
struct peerbuf_export_info {
	struct module *owner;
	const char *exp_name;
	const struct peerbuf_exporter_ops *ops;
	const struct dma_buf_mapping_match *single_exporter_match;
	struct peerbuf_provider *provider;
	struct dma_buf_phys_list *cpu_list;
	bool cpu_ram;
	bool cpu_combine;
	u64 size;
	int flags;
	void *priv;
};

/**
 * peerbuf_export - make a native buffer
 * @info: see above
 *
 * The buffer starts LIVE or REVOKED, as the provider's facts have it.
 *
 * Context: process, may sleep.
 * Return: the dma-buf; the caller owns a reference. On error an ERR_PTR
 * (-EINVAL, -ENODEV when the provider is closed, -ENOMEM) and @priv remains the
 * caller's: release is not called.
 */
struct dma_buf *peerbuf_export(const struct peerbuf_export_info *info);

/**
 * peerbuf_buffer_withdraw - revoke one buffer for good
 * @p: the provider that asks
 * @dmabuf: the buffer
 *
 * The buffer is DEAD when this returns; others of the provider are untouched.
 *
 * Context: as peerbuf_provider_block().
 * Return: 0; -EINVAL when it is not a buffer of @p; -EALREADY when it was withdrawn before.
 */
int peerbuf_buffer_withdraw(struct peerbuf_provider *p, struct dma_buf *dmabuf);

/**
 * struct peerbuf_buffer_info - a native buffer, for its exporter
 * @state: enum peerbuf_buffer_state
 * @attachments: importers
 * @revokes: how often access was taken away
 * @restores: how often it came back
 * @waiting: a revoke is waiting for an importer now
 */
struct peerbuf_buffer_info {
	u32 state;
	u32 attachments;
	u64 revokes;
	u64 restores;
	bool waiting;
};

/**
 * peerbuf_buffer_get_info - see struct peerbuf_buffer_info
 * @p: the provider that asks
 * @dmabuf: the buffer
 * @info: filled in
 *
 * Return: 0, or -EINVAL when it is not a buffer that @p exported since it was opened.
 */
int peerbuf_buffer_get_info(struct peerbuf_provider *p, struct dma_buf *dmabuf,
			    struct peerbuf_buffer_info *info);

/**
 * peerbuf_buffer_set_combining - how processes that mmap() a buffer from now on see it
 * @p: the provider that asks
 * @dmabuf: the buffer
 * @on: write combining; otherwise uncached, as in the beginning
 *
 * Return: 0; -EINVAL when it is not a buffer that @p exported since it was opened;
 * -EOPNOTSUPP when @on, and peerbuf_export_info.cpu_combine was not set.
 */
int peerbuf_buffer_set_combining(struct peerbuf_provider *p, struct dma_buf *dmabuf, bool on);

/**
 * peerbuf_owner_ioctl - what user space can do with one buffer that it exported
 * @p: the provider whose owner calls
 * @cmd: PEERBUF_DEVICE_REVOKE_BUFFER, PEERBUF_DEVICE_QUERY_BUFFER or
 *	PEERBUF_DEVICE_SET_CACHING
 * @arg: the ioctl's argument
 *
 * For the ioctl handler of the file that user space exports through.
 *
 * Context: process, may sleep; as peerbuf_provider_block().
 * Return: 0 or what <linux/peerbuf.h> says; -ENOTTY for any other @cmd, which is then the
 * caller's to handle.
 */
long peerbuf_owner_ioctl(struct peerbuf_provider *p, unsigned int cmd,
			 unsigned long arg);

/**
 * peerbuf_is_native - was this dma-buf made by peerbuf_export()?
 * @dmabuf: any dma-buf
 *
 * Return: whether it was.
 */
bool peerbuf_is_native(struct dma_buf *dmabuf);

/**
 * peerbuf_exporter_priv - the exporter's private pointer
 * @dmabuf: a native buffer
 *
 * Return: the priv of its struct peerbuf_export_info.
 */
void *peerbuf_exporter_priv(struct dma_buf *dmabuf);

/**
 * peerbuf_buffer_get_state - state of a buffer
 * @dmabuf: any dma-buf
 *
 * Context: reservation lock held, or the answer may be old.
 * Return: its state; LIVE for a foreign one.
 */
enum peerbuf_buffer_state peerbuf_buffer_get_state(struct dma_buf *dmabuf);

/* --------------------------------------------------------- typed attachments */

/**
 * struct dma_buf_mapping_importer_ops - callbacks of a typed importer
 * @invalidate_mappings: access is being taken away. Mappings of the IOMMU type
 *	are gone already; any other must be given back at once, or as soon as
 *	fences in the buffer's reservation object have signalled. Mandatory.
 * @restored: access is back. @error is not 0 when a mapping of the IOMMU type
 *	could not be put back. Optional: without it @invalidate_mappings is called.
 * @dead: access will not come back; called after the last @invalidate_mappings.
 *	Optional.
 *
 * All run under the reservation lock and may take leaf locks only.
 */
struct dma_buf_mapping_importer_ops {
	void (*invalidate_mappings)(struct dma_buf_attachment *attach);
	void (*restored)(struct dma_buf_attachment *attach, int error);
	void (*dead)(struct dma_buf_attachment *attach);
};

/**
 * dma_buf_mapping_attach - attach to any dma-buf with a negotiated type
 * @dmabuf: native or foreign; the caller keeps its reference until the detach
 * @matches: what the importer accepts, in its order of preference; copied
 * @len: number of entries of @matches, at most 8
 * @importer_ops: callbacks; must outlive the attachment
 * @importer_priv: available as attach->importer_priv
 *
 * The type is fixed for the life of the attachment: see
 * dma_buf_attachment_mapping(). A revoked buffer can be attached to; mapping it
 * fails until it is restored.
 *
 * Context: process, may sleep; no reservation lock held.
 * Return: the attachment, to be ended with dma_buf_mapping_detach().
 * ERR_PTR(-EINVAL): an empty or too long list, no callback, nothing in common, or
 * every common type refused (route, strictness, allow-list); ERR_PTR(-EOPNOTSUPP):
 * this machine bounces all DMA, so that the buffer's addresses cannot be told;
 * ERR_PTR(-ENODEV): the buffer is dead; ERR_PTR(-ENOMEM).
 */
struct dma_buf_attachment *
dma_buf_mapping_attach(struct dma_buf *dmabuf,
		       const struct dma_buf_mapping_match *matches, size_t len,
		       const struct dma_buf_mapping_importer_ops *importer_ops,
		       void *importer_priv);

/**
 * dma_buf_mapping_detach - end an attachment
 * @attach: from dma_buf_mapping_attach(), with nothing mapped except, possibly, a
 *	mapping of the IOMMU type, which is taken down
 *
 * Context: process, may sleep; no reservation lock held.
 */
void dma_buf_mapping_detach(struct dma_buf_attachment *attach);

/**
 * peerbuf_attachment_hold - a mapping of a driver's own type is made
 * @attach: negotiated to a type that is none of the core's
 *
 * What a driver's own type hands out is unknown to the core. The function of that type
 * which maps calls this first, the one that unmaps calls peerbuf_attachment_unhold(): so
 * nothing is handed out of a buffer that is revoked, and a revoke waits until all has
 * been given back, and names who has not.
 *
 * Context: reservation lock held.
 * Return: 0; -ENODEV while the buffer is not LIVE; -EINVAL for an attachment of one of the
 * core's types, which are counted already, or to a foreign buffer.
 */
int peerbuf_attachment_hold(struct dma_buf_attachment *attach);

/**
 * peerbuf_attachment_unhold - undo one peerbuf_attachment_hold()
 * @attach: as there
 *
 * Context: reservation lock held.
 */
void peerbuf_attachment_unhold(struct dma_buf_attachment *attach);

/**
 * dma_buf_attachment_mapping - what was negotiated
 * @attach: a typed attachment, or any attachment to a native buffer
 *
 * Return: the entry, valid until the detach; NULL when the attachment has nothing
 * to do with peerbuf.
 */
const struct dma_buf_mapping_match *
dma_buf_attachment_mapping(struct dma_buf_attachment *attach);

/**
 * struct peerbuf_attachment_info - how an importer reaches a buffer
 * @route: enum peerbuf_route: for the IOMMU type as it is now, UNKNOWN unless the buffer
 *	is LIVE; for a scatterlist as it was found when it was attached
 * @reason: enum peerbuf_route_reason
 * @enforced: after a revoke the IOMMU stops the importer whatever it does
 */
struct peerbuf_attachment_info {
	u32 route;
	u32 reason;
	bool enforced;
};

/**
 * peerbuf_attachment_get_info - see struct peerbuf_attachment_info
 * @attach: a typed attachment
 * @info: filled in
 *
 * Context: reservation lock held.
 */
void peerbuf_attachment_get_info(struct dma_buf_attachment *attach,
				 struct peerbuf_attachment_info *info);

#endif /* _LINUX_PEERBUF_BUFFER_H */
