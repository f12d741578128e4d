/* SPDX-License-Identifier: GPL-2.0-only */
#define dma_fence_driver_name(fence)					\
	((const char __rcu __force *)(fence)->ops->get_driver_name(fence))
#define dma_fence_timeline_name(fence)					\
	((const char __rcu __force *)(fence)->ops->get_timeline_name(fence))
