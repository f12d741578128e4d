// SPDX-License-Identifier: GPL-2.0-only
/* The file: requests of user space, and the end of all that a process has begun. */
#include <linux/dma-buf.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "driver.h"

static int edu_open(struct inode *inode, struct file *filp)
{
	/* misc_open() holds a lock that misc_deregister() takes: the device is still there. */
	struct edu_device *edev = container_of(filp->private_data, struct edu_device, misc);
	struct edu_file *file;

	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	xa_init_flags(&file->imports, XA_FLAGS_ALLOC1);
	xa_init_flags(&file->queues, XA_FLAGS_ALLOC);
	file->owner = dma_fence_context_alloc(1);
	kref_get(&edev->ref);
	file->edev = edev;

	mutex_lock(&edev->files_lock);
	list_add_tail(&file->node, &edev->files);
	mutex_unlock(&edev->files_lock);
	filp->private_data = file;
	return 0;
}

/* End everything: -ECANCELED for the user's own doing, -ENODEV for the device's. */
static void edu_file_end(struct edu_file *file, int error)
{
	struct edu_import *import;
	struct edu_queue *queue;
	unsigned long i;

	lockdep_assert_held(&file->lock);

	file->error = error;
	xa_for_each(&file->queues, i, queue) {
		xa_erase(&file->queues, i);
		edu_queue_kill(queue, error);
		edu_queue_put(queue);
	}
	xa_for_each(&file->imports, i, import) {
		xa_erase(&file->imports, i);
		edu_import_put(import);
	}
}

/* The device goes away; the file stays, and has nothing. */
void edu_file_disconnect(struct edu_file *file)
{
	mutex_lock(&file->lock);
	edu_file_end(file, -ENODEV);
	mutex_unlock(&file->lock);
}

/* Also when a process is killed: must not wait for fences. */
static int edu_release(struct inode *inode, struct file *filp)
{
	struct edu_file *file = filp->private_data;
	struct edu_device *edev = file->edev;

	mutex_lock(&edev->files_lock);
	list_del(&file->node);
	mutex_unlock(&edev->files_lock);

	mutex_lock(&file->lock);
	edu_file_end(file, -ECANCELED);
	mutex_unlock(&file->lock);
	xa_destroy(&file->queues);
	xa_destroy(&file->imports);
	mutex_destroy(&file->lock);
	kfree(file);
	edu_device_put(edev);
	return 0;
}

/* ------------------------------------------------------------------ requests */

static long edu_ioctl_import(struct edu_file *file, void __user *user)
{
	struct edu_copy_import arg;
	struct edu_import *import;
	int ret;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	import = edu_import_create(file, arg.fd);
	if (IS_ERR(import))
		return PTR_ERR(import);
	ret = xa_alloc(&file->imports, &arg.handle, import, xa_limit_31b, GFP_KERNEL);
	if (ret)
		goto err_put;
	if (copy_to_user(user, &arg, sizeof(arg))) {
		ret = -EFAULT;
		goto err_erase;
	}
	return 0;

err_erase:
	xa_erase(&file->imports, arg.handle);
err_put:
	edu_import_put(import);
	return ret;
}

static long edu_ioctl_release(struct edu_file *file, u32 __user *user)
{
	struct edu_import *import;
	u32 handle;

	if (get_user(handle, user))
		return -EFAULT;
	import = xa_erase(&file->imports, handle);
	if (!import)
		return -ENOENT;
	edu_import_put(import);
	return 0;
}

static long edu_ioctl_create_queue(struct edu_file *file, u32 __user *user)
{
	struct edu_queue *queue;
	u32 id;
	int ret;

	queue = edu_queue_create(file);
	if (IS_ERR(queue))
		return PTR_ERR(queue);
	ret = xa_alloc(&file->queues, &id, queue, XA_LIMIT(0, EDU_COPY_MAX_QUEUES - 1), GFP_KERNEL);
	if (ret) {
		ret = ret == -EBUSY ? -ENOSPC : ret;
		goto err_kill;
	}
	if (put_user(id, user)) {
		ret = -EFAULT;
		goto err_erase;
	}
	return 0;

err_erase:
	xa_erase(&file->queues, id);
err_kill:
	edu_queue_kill(queue, -ECANCELED);
	edu_queue_put(queue);
	return ret;
}

static long edu_ioctl_destroy_queue(struct edu_file *file, u32 __user *user)
{
	struct edu_queue *queue;
	u32 id;

	if (get_user(id, user))
		return -EFAULT;
	queue = xa_erase(&file->queues, id);
	if (!queue)
		return -ENOENT;
	edu_queue_kill(queue, -ECANCELED);
	edu_queue_put(queue);
	return 0;
}

static long edu_ioctl_submit(struct edu_file *file, struct edu_copy_submit __user *user)
{
	struct edu_copy_submit arg;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	return edu_job_submit(file, &arg, &user->out_fence);
}

static long edu_ioctl_export(struct edu_file *file, struct edu_copy_export __user *user)
{
	struct edu_copy_export arg;
	struct dma_buf *dmabuf;
	int fd;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.flags)
		return -EINVAL;
	dmabuf = edu_export(file->edev, arg.size);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto err_put;
	if (put_user(fd, &user->fd)) {
		put_unused_fd(fd);
		fd = -EFAULT;
		goto err_put;
	}
	fd_install(fd, dmabuf->file);
	return 0;

err_put:
	dma_buf_put(dmabuf);
	return fd;
}

static long edu_request(struct edu_file *file, unsigned int cmd, void __user *user)
{
	switch (cmd) {
	case EDU_COPY_IMPORT:
		return edu_ioctl_import(file, user);
	case EDU_COPY_RELEASE:
		return edu_ioctl_release(file, user);
	case EDU_COPY_CREATE_QUEUE:
		return edu_ioctl_create_queue(file, user);
	case EDU_COPY_DESTROY_QUEUE:
		return edu_ioctl_destroy_queue(file, user);
	case EDU_COPY_SUBMIT:
		return edu_ioctl_submit(file, user);
	case EDU_COPY_EXPORT:
		return edu_ioctl_export(file, user);
	}
	return -ENOTTY;
}

static long edu_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct edu_file *file = filp->private_data;
	long ret;

	/* Held to the end: the device cannot go while a request is under way. */
	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	ret = file->error ?: edu_request(file, cmd, (void __user *)arg);
	mutex_unlock(&file->lock);
	return ret;
}

const struct file_operations edu_fops = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_release,
	.unlocked_ioctl = edu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
