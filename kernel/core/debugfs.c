// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs: peerbuf/buffers, one line per native buffer, and below it one line, led
 * by a tab, per attachment. Words are key=value.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "internal.h"

static struct dentry *root;

static void show_attachment(struct seq_file *s, struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *pa = peerbuf_attachment_of(attach);

	seq_printf(s, "\ttype=%s origin=%s importer=%s route=%u reason=%u enforced=%d ",
		   pa->result.type->name,
		   (pa->result.origin ?: pa->result.type)->name,
		   dev_name(attach->dev), pa->info.route, pa->info.reason,
		   pa->info.enforced);
	if (pa->result.type->debugfs_dump)
		pa->result.type->debugfs_dump(s, attach);
	seq_putc(s, '\n');
}

static int buffers_show(struct seq_file *s, void *v)
{
	struct peerbuf_buffer *buf = v;
	struct dma_buf_attachment *attach;

	dma_resv_lock(buf->dmabuf->resv, NULL);
	seq_printf(s, "id=%llu exporter=%s size=%#zx state=%s attachments=%zu revokes=%llu restores=%llu waiting=%d\n",
		   buf->id, buf->dmabuf->exp_name, buf->dmabuf->size,
		   peerbuf_state_name(buf->state),
		   list_count_nodes(&buf->dmabuf->attachments), buf->revokes,
		   buf->restores, READ_ONCE(buf->waiting));
	list_for_each_entry(attach, &buf->dmabuf->attachments, node)
		show_attachment(s, attach);
	dma_resv_unlock(buf->dmabuf->resv);
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

static const struct seq_operations buffers_sops = {
	.start = buffers_start,
	.next = buffers_next,
	.stop = buffers_stop,
	.show = buffers_show,
};
DEFINE_SEQ_ATTRIBUTE(buffers);

void peerbuf_debugfs_init(void)
{
	root = debugfs_create_dir("peerbuf", NULL);
	debugfs_create_file("buffers", 0400, root, NULL, &buffers_fops);
}

void peerbuf_debugfs_exit(void)
{
	debugfs_remove(root);
}
