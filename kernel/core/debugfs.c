// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs, peerbuf/: files of lines whose words are key=value. A line led by a tab belongs
 * to the last one that is not.
 *
 *	buffers	one line per native buffer, and below it one per attachment
 *	ranges	one line per native buffer, and below it one per physical range
 *	holders	one line per native buffer, and below it one per process that has it open
 *	foreign	one line per typed attachment to a foreign buffer
 *	route	write PROVIDER-CLIENT, two PCI addresses, and read the verdict from the same
 *		open file
 */
#include <linux/debugfs.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include <linux/peerbuf/p2p.h>

#include "internal.h"

static struct dentry *root;

static void show_attachment(struct seq_file *s, struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);
	struct peerbuf_attachment_info info;

	peerbuf_attachment_get_info(attach, &info);
	seq_printf(s, "type=%s origin=%s importer=%s typed=%d route=%u reason=%u enforced=%d ",
		   pa->result.type->name,
		   (pa->result.origin ?: pa->result.type)->name,
		   dev_name(attach->dev), !!pa->importer_ops, info.route,
		   info.reason, info.enforced);
	if (pa->result.type->debugfs_dump)
		pa->result.type->debugfs_dump(s, attach);
	else
		seq_printf(s, "held=%u", pa->held);
	seq_putc(s, '\n');
}

/* ------------------------------------------------------------- native buffers */

/**
 * struct ranges - a buffer's ranges
 * @list: with a reference; NULL when they are not known
 * @ops: whose reference it is; NULL for our own
 * @attach: which they were mapped for
 */
struct ranges {
	struct dma_buf_phys_list *list;
	const struct dma_buf_mapping_pal_exp_ops *ops;
	struct dma_buf_attachment *attach;
};

/* What processes see, or else what the core makes an importer's mapping of. */
static struct ranges ranges_get(struct peerbuf_buffer *buf)
{
	struct dma_buf_attachment *attach;
	struct ranges r = {};

	dma_resv_assert_held(buf->dmabuf->resv);

	if (buf->cpu_list) {
		r.list = dma_buf_phys_list_get(buf->cpu_list);
		return r;
	}
	if (buf->state != PEERBUF_STATE_LIVE)
		return r;
	list_for_each_entry(attach, &buf->dmabuf->attachments, node) {
		const struct dma_buf_mapping_match *m =
			&peerbuf_attachment_of(attach)->result;

		if ((m->origin ?: m->type) != &dma_buf_mapping_pal_type)
			continue;
		r.attach = attach;
		r.ops = container_of(m->exp_ops,
				     struct dma_buf_mapping_pal_exp_ops, ops);
		r.list = r.ops->map_phys(attach);
		if (IS_ERR(r.list))
			r.list = NULL;
		break;
	}
	return r;
}

static void ranges_put(struct ranges r)
{
	if (r.ops && r.list)
		r.ops->unmap_phys(r.attach, r.list);
	else
		dma_buf_phys_list_put(r.list);
}

static int buffers_show(struct seq_file *s, void *v)
{
	struct dma_buf_attachment *attach;
	struct peerbuf_buffer *buf = v;
	struct ranges r;

	dma_resv_lock(buf->dmabuf->resv, NULL);
	r = ranges_get(buf);
	seq_printf(s, "id=%llu ino=%lu exporter=%s size=%#zx state=%s attachments=%zu revokes=%llu restores=%llu waiting=%d held=%u ranges=",
		   buf->id, (unsigned long)file_inode(buf->dmabuf->file)->i_ino,
		   buf->dmabuf->exp_name, buf->dmabuf->size,
		   peerbuf_state_name(buf->state),
		   list_count_nodes(&buf->dmabuf->attachments), buf->revokes,
		   buf->restores, READ_ONCE(buf->waiting), buf->held);
	if (r.list)
		seq_printf(s, "%zu\n", r.list->length);
	else
		seq_puts(s, "unknown\n");
	ranges_put(r);
	list_for_each_entry(attach, &buf->dmabuf->attachments, node) {
		seq_putc(s, '\t');
		show_attachment(s, attach);
	}
	dma_resv_unlock(buf->dmabuf->resv);
	return 0;
}

static int ranges_show(struct seq_file *s, void *v)
{
	struct peerbuf_buffer *buf = v;
	struct ranges r;
	size_t i;

	dma_resv_lock(buf->dmabuf->resv, NULL);
	r = ranges_get(buf);
	seq_printf(s, "id=%llu\n", buf->id);
	for (i = 0; r.list && i < r.list->length; i++)
		seq_printf(s, "\toffset=%#llx address=%#llx length=%#zx\n",
			   r.list->first[i], (u64)r.list->phys[i].paddr,
			   r.list->phys[i].len);
	ranges_put(r);
	dma_resv_unlock(buf->dmabuf->resv);
	return 0;
}

struct fd_count {
	const struct file *file;
	unsigned int count;
};

static int count_fd(const void *data, struct file *file, unsigned int fd)
{
	struct fd_count *c = (struct fd_count *)data;

	c->count += file == c->file;
	return 0;
}

static unsigned int count_fds(struct task_struct *task, const struct file *file)
{
	struct fd_count c = { .file = file };

	/* Keeps its table of files where it is. */
	task_lock(task);
	if (task->files)
		iterate_fd(task->files, 0, count_fd, &c);
	task_unlock(task);
	return c.count;
}

static void show_holder(struct seq_file *s, struct task_struct *task,
			unsigned int fds)
{
	char comm[TASK_COMM_LEN];

	get_task_comm(comm, task);
	seq_printf(s, "\tpid=%d fds=%u comm=", task_tgid_nr(task), fds);
	seq_escape_str(s, comm, ESCAPE_SPACE | ESCAPE_SPECIAL | ESCAPE_OCTAL,
		       " \t\n\\=");
	seq_putc(s, '\n');
}

/*
 * refs: of the file, without ours: file descriptors, mappings of processes, importers, and
 * those on their way through a socket. mapped: into some process.
 */
static int holders_show(struct seq_file *s, void *v)
{
	struct peerbuf_buffer *buf = v;
	struct file *file = buf->dmabuf->file;
	struct task_struct *task;
	unsigned int fds;

	seq_printf(s, "id=%llu ino=%lu refs=%ld mapped=%d\n", buf->id,
		   (unsigned long)file_inode(file)->i_ino, (long)file_count(file) - 1,
		   mapping_mapped(file->f_mapping));
	rcu_read_lock();
	for_each_process(task) {
		fds = count_fds(task, file);
		if (fds)
			show_holder(s, task, fds);
	}
	rcu_read_unlock();
	return 0;
}

/*
 * The first buffer from an id on, with a reference, so that its reservation lock
 * need not be taken under the list lock. The position is the id.
 */
static void *buffer_from(loff_t *pos)
{
	struct peerbuf_buffer *buf, *found = NULL;

	mutex_lock(&peerbuf_lists_lock);
	list_for_each_entry(buf, &peerbuf_all_buffers, all) {
		if (buf->id >= *pos && get_file_active(&buf->dmabuf->file)) {
			found = buf;
			*pos = buf->id;
			break;
		}
	}
	mutex_unlock(&peerbuf_lists_lock);
	return found;
}

static void *buffers_start(struct seq_file *s, loff_t *pos)
{
	return buffer_from(pos);
}

static void buffers_stop(struct seq_file *s, void *v)
{
	struct peerbuf_buffer *buf = v;

	if (buf)
		dma_buf_put(buf->dmabuf);
}

static void *buffers_next(struct seq_file *s, void *v, loff_t *pos)
{
	void *next;

	++*pos;
	next = buffer_from(pos);
	buffers_stop(s, v);
	return next;
}

#define BUFFER_FILE(name)						\
	static const struct seq_operations name##_sops = {		\
		.start = buffers_start,					\
		.next = buffers_next,					\
		.stop = buffers_stop,					\
		.show = name##_show,					\
	};								\
	DEFINE_SEQ_ATTRIBUTE(name)

BUFFER_FILE(buffers);
BUFFER_FILE(ranges);
BUFFER_FILE(holders);

/* ------------------------------------------------------------ foreign buffers */

static void show_foreign(struct seq_file *s, struct dma_buf *dmabuf, u64 id)
{
	struct dma_buf_attachment *attach;
	struct peerbuf_attachment *pa;

	dma_resv_lock(dmabuf->resv, NULL);
	list_for_each_entry(attach, &dmabuf->attachments, node) {
		pa = peerbuf_attachment_of(attach);
		if (!pa || peerbuf_foreign(pa)->id != id)
			continue;
		seq_printf(s, "ino=%lu exporter=%s size=%#zx ",
			   (unsigned long)file_inode(dmabuf->file)->i_ino, dmabuf->exp_name,
			   dmabuf->size);
		show_attachment(s, attach);
	}
	dma_resv_unlock(dmabuf->resv);
}

/* The position is the attachment's id; the reference lasts for one line. */
struct foreign_pos {
	u64 id;
	struct dma_buf *dmabuf;
};

static void *foreign_from(struct seq_file *s, loff_t *pos)
{
	struct foreign_pos *at = s->private;

	at->id = peerbuf_foreign_next(*pos, &at->dmabuf);
	if (!at->id)
		return NULL;
	*pos = at->id;
	return at;
}

static void *foreign_start(struct seq_file *s, loff_t *pos)
{
	return foreign_from(s, pos);
}

static void foreign_stop(struct seq_file *s, void *v)
{
	struct foreign_pos *at = v;

	if (at)
		dma_buf_put(at->dmabuf);
}

static void *foreign_next(struct seq_file *s, void *v, loff_t *pos)
{
	foreign_stop(s, v);
	++*pos;
	return foreign_from(s, pos);
}

static int foreign_show(struct seq_file *s, void *v)
{
	struct foreign_pos *at = v;

	show_foreign(s, at->dmabuf, at->id);
	return 0;
}

static const struct seq_operations foreign_sops = {
	.start = foreign_start,
	.next = foreign_next,
	.stop = foreign_stop,
	.show = foreign_show,
};

static int foreign_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &foreign_sops, sizeof(struct foreign_pos));
}

static const struct file_operations foreign_fops = {
	.owner = THIS_MODULE,
	.open = foreign_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static struct pci_dev *get_function(u64 id)
{
	return pci_get_domain_bus_and_slot(id >> 16, (id >> 8) & 0xff, id & 0xff);
}

static ssize_t route_write(struct file *file, const char __user *user, size_t size, loff_t *pos)
{
	struct pci_dev *provider, *client;
	struct peerbuf_override *pair;
	struct peerbuf_verdict v;
	ssize_t ret;
	char *text;

	text = simple_transaction_get(file, user, size);
	if (IS_ERR(text))
		return PTR_ERR(text);
	pair = kcalloc(PEERBUF_MAX_OVERRIDES, sizeof(*pair), GFP_KERNEL);
	if (!pair)
		return -ENOMEM;
	ret = peerbuf_override_parse(text, pair) == 1 ? 0 : -EINVAL;
	if (ret)
		goto out;

	provider = get_function(pair->a);
	client = get_function(pair->b);
	if (provider && client) {
		peerbuf_route(provider, &client->dev, &v);
		ret = scnprintf(text, SIMPLE_TRANSACTION_LIMIT,
				"route=%u reason=%u refused=%u distance=%u met=%d meet=%#llx provider_redirects=%#x client_redirects=%#x bus_offset=%lld\n",
				v.route, v.reason, v.refused, v.distance, v.met, v.meet,
				v.provider_redirects, v.client_redirects, v.bus_offset);
		simple_transaction_set(file, ret);
		ret = size;
	} else {
		ret = -ENODEV;
	}
	pci_dev_put(provider);
	pci_dev_put(client);
out:
	kfree(pair);
	return ret;
}

static const struct file_operations route_fops = {
	.owner = THIS_MODULE,
	.write = route_write,
	.read = simple_transaction_read,
	.release = simple_transaction_release,
};

void peerbuf_debugfs_init(void)
{
	root = debugfs_create_dir("peerbuf", NULL);
	debugfs_create_file("buffers", 0400, root, NULL, &buffers_fops);
	debugfs_create_file("ranges", 0400, root, NULL, &ranges_fops);
	debugfs_create_file("holders", 0400, root, NULL, &holders_fops);
	debugfs_create_file("foreign", 0400, root, NULL, &foreign_fops);
	debugfs_create_file("route", 0600, root, NULL, &route_fops);
}

void peerbuf_debugfs_exit(void)
{
	debugfs_remove(root);
}
