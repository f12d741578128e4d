// SPDX-License-Identifier: GPL-2.0-or-later
/* peerbuf_kunit: the suites of the core, in the kernel. */
#include <linux/module.h>

#include <peerbuf_compat.h>

#include "suites.h"

kunit_test_suites(&match_suite,
		  &offer_suite,
		  &range_suite,
		  &state_suite,
		  &route_suite,
		  &iova_suite,
		  &lists_suite,
		  &attach_suite,
		  &table_suite,
		  &domain_suite,
		  &arcs_suite,
		  &race_suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Unit tests of peerbuf");
MODULE_AUTHOR("The peerbuf developers");
PEERBUF_IMPORT_NS_DMA_BUF;
