// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of a memfd, pinned and accounted for.
 *
 * The file must be sealed against shrinking, so that a truncation cannot part the buffer
 * from the file, and not against writing, as devices write past any seal. Pages that a
 * hole is punched over leave the file all the same: the buffer keeps the old ones, which
 * harms nobody else.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include <linux/peerbuf/pal.h>

#include "ram.h"

/* How much is pinned at once: a process that is killed meanwhile waits for no more. */
#define CHUNK		(2UL << 20)

/* ------------------------------------------------------------------- the file */

/* Inode lock held, so that no seal is added while pages are being pinned. */
static int check_seals(struct file *memfd)
{
	struct inode *inode = file_inode(memfd);
	unsigned int seals;

	if (shmem_mapping(memfd->f_mapping))
		seals = SHMEM_I(inode)->seals;
	else if (inode->i_sb->s_magic == HUGETLBFS_MAGIC)
		seals = HUGETLBFS_I(inode)->seals;
	else
		return -EINVAL;
	if (!(seals & F_SEAL_SHRINK) ||
	    (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return -EPERM;
	return 0;
}

static int check_range(struct file *memfd, u64 offset, u64 size)
{
	u64 end;

	if (!size || !PAGE_ALIGNED(offset | size) ||
	    check_add_overflow(offset, size, &end) ||
	    end > i_size_read(file_inode(memfd)))
		return -EINVAL;
	/* Not even tried: a sparse file may be larger than any machine. */
	return size >> PAGE_SHIFT > totalram_pages() ? -ENOMEM : 0;
}

/*
 * The kernel fills holes of such a file with huge pages that nobody has reserved, and takes
 * them off its count of reserved ones all the same (alloc_hugetlb_folio_reserve() of 6.12,
 * which udmabuf runs into). So there must be none. Under the inode lock no page leaves.
 */
static int check_filled(struct file *memfd, u64 offset, u64 size)
{
	pgoff_t index = offset >> PAGE_SHIFT;
	pgoff_t last = (offset + size - 1) >> PAGE_SHIFT;

	while (index <= last) {
		struct folio *folio = filemap_get_folio(memfd->f_mapping, index);

		if (IS_ERR(folio))
			return -ENXIO;
		index = folio_next_index(folio);
		folio_put(folio);
	}
	return 0;
}

/* ------------------------------------------------------------------ accounting */

/*
 * The buffer may outlive its maker's address space, so the pages count for the user, as
 * those that io_uring registers do.
 */
static int account(struct ram_pages *pages)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *user = get_uid(current_user());
	unsigned long locked;

	locked = atomic_long_add_return(pages->nr_pages, &user->locked_vm);
	if (locked > limit && !capable(CAP_IPC_LOCK)) {
		atomic_long_sub(pages->nr_pages, &user->locked_vm);
		free_uid(user);
		return -ENOMEM;
	}
	pages->user = user;
	return 0;
}

static void unaccount(struct ram_pages *pages)
{
	atomic_long_sub(pages->nr_pages, &pages->user->locked_vm);
	free_uid(pages->user);
}

/* --------------------------------------------------------------------- pinning */

/**
 * struct runs - physical ranges in the making
 * @vec: where they go; NULL to count only
 * @nr: how many there are
 * @last: the one that may still grow
 */
struct runs {
	struct phys_vec *vec;
	size_t nr;
	struct phys_vec last;
};

static void add_run(struct runs *r, phys_addr_t paddr, size_t len)
{
	if (r->nr && r->last.paddr + r->last.len == paddr) {
		r->last.len += len;
	} else {
		r->last = (struct phys_vec) { paddr, len };
		r->nr++;
	}
	if (r->vec)
		r->vec[r->nr - 1] = r->last;
}

/* One chunk's pins, which are one for each folio in it. */
static size_t add_chunk(struct runs *r, struct folio **folio, size_t offset,
			size_t left)
{
	size_t i;

	for (i = 0; left; i++, offset = 0) {
		size_t len = min(folio_size(folio[i]) - offset, left);

		add_run(r, PFN_PHYS(folio_pfn(folio[i])) + offset, len);
		left -= len;
	}
	return i;
}

/*
 * Where a part of the file begins in the folio that holds it: folios lie in the file at
 * multiples of their size.
 */
static size_t offset_in(struct folio *folio, u64 offset)
{
	return offset & (folio_size(folio) - 1);
}

static void collect_runs(const struct ram_pages *pages, u64 offset, u64 size,
			 struct runs *r)
{
	size_t at = 0;
	u64 done;

	for (done = 0; done < size; done += CHUNK) {
		struct folio **first = &pages->folios[at];

		at += add_chunk(r, first, offset_in(*first, offset + done),
				min(CHUNK, size - done));
		cond_resched();
	}
}

static struct dma_buf_phys_list *make_list(const struct ram_pages *pages,
					   u64 offset, u64 size)
{
	struct dma_buf_phys_list *list;
	struct runs r = {};
	size_t nr;

	collect_runs(pages, offset, size, &r);
	nr = r.nr;
	r = (struct runs) {
		.vec = kvmalloc_array(nr, sizeof(*r.vec),
				      GFP_KERNEL | __GFP_NOWARN),
	};
	if (!r.vec)
		return ERR_PTR(-ENOMEM);
	collect_runs(pages, offset, size, &r);
	list = dma_buf_phys_list_create(r.vec, nr, size);
	kvfree(r.vec);
	return list;
}

static int pin_chunks(struct ram_pages *pages, struct file *memfd, u64 offset,
		      u64 size)
{
	pgoff_t unused;
	u64 done;

	for (done = 0; done < size; done += CHUNK) {
		u64 start = offset + done, len = min(CHUNK, size - done);
		long nr;

		if (fatal_signal_pending(current))
			return -EINTR;
		nr = memfd_pin_folios(memfd, start, start + len - 1,
				      &pages->folios[pages->nr_folios],
				      len >> PAGE_SHIFT, &unused);
		if (nr < 0)
			return nr;
		pages->nr_folios += nr;
		cond_resched();
	}
	return 0;
}

static void unpin(struct ram_pages *pages)
{
	size_t i;

	for (i = 0; i < pages->nr_folios; i++) {
		struct folio *folio = pages->folios[i];

		/* Or what a device has written could be dropped as never written. */
		if (pages->writable) {
			folio_lock(folio);
			folio_mark_dirty(folio);
			folio_unlock(folio);
		}
		unpin_folio(folio);
		cond_resched();
	}
}

/* Inode lock held. */
static int pin(struct ram_pages *pages, struct file *memfd, u64 offset, u64 size)
{
	int ret;

	ret = check_seals(memfd);
	if (!ret)
		ret = check_range(memfd, offset, size);
	if (!ret && !shmem_mapping(memfd->f_mapping))
		ret = check_filled(memfd, offset, size);
	if (ret)
		return ret;
	pages->nr_pages = size >> PAGE_SHIFT;
	ret = account(pages);
	if (ret)
		return ret;
	pages->folios = kvmalloc_array(pages->nr_pages, sizeof(*pages->folios),
				       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pages->folios)
		return -ENOMEM;
	ret = pin_chunks(pages, memfd, offset, size);
	if (ret)
		return ret;
	pages->list = make_list(pages, offset, size);
	return PTR_ERR_OR_ZERO(pages->list);
}

/**
 * ram_pages_unpin - give pages back
 * @pages: from ram_pages_pin(); nothing maps them any more
 *
 * Context: process, may sleep.
 */
void ram_pages_unpin(struct ram_pages *pages)
{
	if (!IS_ERR(pages->list))
		dma_buf_phys_list_put(pages->list);
	unpin(pages);
	kvfree(pages->folios);
	if (pages->user)
		unaccount(pages);
	kfree(pages);
}

/**
 * ram_pages_pin - pin a part of a memfd
 * @memfd: any file
 * @offset: first byte
 * @size: bytes
 * @writable: somebody may write to them
 *
 * Context: process, may sleep. Takes the file's inode lock.
 * Return: the pages; ERR_PTR(-EINVAL) for a file that is no memfd, an empty or unaligned
 * part, or one beyond the end of the file; ERR_PTR(-EACCES) when the file is not open for
 * reading and writing; ERR_PTR(-EPERM) for seals that do not fit; ERR_PTR(-ENXIO) for a hole
 * in a file of huge pages; ERR_PTR(-ENOMEM), also beyond RLIMIT_MEMLOCK; ERR_PTR(-EINTR) for
 * a process that is being killed; and what memfd_pin_folios() returns.
 */
struct ram_pages *ram_pages_pin(struct file *memfd, u64 offset, u64 size,
				bool writable)
{
	struct inode *inode = file_inode(memfd);
	struct ram_pages *pages;
	int ret;

	/* One that was made read-only must not become writable this way. */
	if (!(memfd->f_mode & FMODE_READ) || !(memfd->f_mode & FMODE_WRITE))
		return ERR_PTR(-EACCES);
	pages = kzalloc(sizeof(*pages), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	pages->writable = writable;
	inode_lock_shared(inode);
	ret = pin(pages, memfd, offset, size);
	inode_unlock_shared(inode);
	if (ret) {
		ram_pages_unpin(pages);
		return ERR_PTR(ret);
	}
	return pages;
}
