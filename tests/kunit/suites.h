/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One suite for each file. */
#ifndef PEERBUF_TESTS_KUNIT_SUITES_H
#define PEERBUF_TESTS_KUNIT_SUITES_H

#include "unit.h"

/* Pure logic; in user space, too. */
extern struct kunit_suite match_suite;
extern struct kunit_suite offer_suite;
extern struct kunit_suite range_suite;
extern struct kunit_suite state_suite;
extern struct kunit_suite route_suite;
extern struct kunit_suite iova_suite;

/* The core itself, in a virtual machine. */
extern struct kunit_suite lists_suite;
extern struct kunit_suite attach_suite;
extern struct kunit_suite table_suite;
extern struct kunit_suite domain_suite;
extern struct kunit_suite arcs_suite;
extern struct kunit_suite race_suite;

#endif
