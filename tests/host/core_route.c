// SPDX-License-Identifier: GPL-2.0-or-later
/* Routes: the rules on small trees. */
#include "unit.h"

#include <linux/peerbuf/p2p.h>

#define RR 0x0004
#define CR 0x0008
#define EC 0x0020
#define SV 0x0001
#define UF 0x0010

enum { A = 0x100, B = 0x200, DOWN_A = 0x110, DOWN_B = 0x120, UP = 0x130, PORT = 0x8,
       PORT2 = 0x10 };

#define HOP(i, acs) { .id = (i), .acs_ctrl = (acs) }

static struct peerbuf_host q35 = { .id = 0, .vendor = 0x8086, .device = 0x29c0 };
static struct peerbuf_host skylake = { .id = 0, .vendor = 0x8086, .device = 0x2030 };
static struct peerbuf_host skylake2 = { .id = 0x8000, .vendor = 0x8086, .device = 0x2033 };
static struct peerbuf_host old_xeon = { .id = 0, .vendor = 0x8086, .device = 0x3c00 };
static struct peerbuf_host old_xeon2 = { .id = 0x8000, .vendor = 0x8086, .device = 0x3c01 };
static struct peerbuf_host unknown = { .id = 0, .vendor = 0xffff, .device = 0xffff };

static struct peerbuf_path in_switch(unsigned int dev, unsigned int down, u16 acs,
				     struct peerbuf_host host)
{
	return (struct peerbuf_path) {
		.nr = 4,
		.hop = { HOP(dev, 0), HOP(down, acs), HOP(UP, 0), HOP(PORT, 0) },
		.host = host,
	};
}

static struct peerbuf_path below_port(unsigned int dev, unsigned int port, u16 acs,
				      struct peerbuf_host host)
{
	return (struct peerbuf_path) {
		.nr = 2, .hop = { HOP(dev, 0), HOP(port, acs) }, .host = host,
	};
}

static struct peerbuf_verdict decide(struct peerbuf_path a, struct peerbuf_path b,
				     bool cpu)
{
	struct peerbuf_verdict v;

	peerbuf_route_decide(&a, &b, cpu, &v);
	return v;
}

static void one_switch_without_redirection_is_a_bus_address(void **state)
{
	struct peerbuf_verdict v = decide(in_switch(A, DOWN_A, 0, q35),
					  in_switch(B, DOWN_B, 0, q35), false);

	assert_int_equal(v.route, PEERBUF_ROUTE_BUS_ADDRESS);
	assert_int_equal(v.reason, PEERBUF_REASON_SAME_SWITCH);
	assert_int_equal(v.distance, 4);
}

static void a_function_reaches_itself_and_its_siblings(void **state)
{
	struct peerbuf_path a = below_port(A, PORT, 0, q35);
	struct peerbuf_path b = below_port(A + 1, PORT, 0, q35);
	struct peerbuf_verdict v = decide(a, a, false);

	assert_int_equal(v.route, PEERBUF_ROUTE_BUS_ADDRESS);
	assert_int_equal(v.reason, PEERBUF_REASON_SAME_DEVICE);
	assert_int_equal(v.distance, 0);
	v = decide(a, b, false);
	assert_int_equal(v.route, PEERBUF_ROUTE_BUS_ADDRESS);
	assert_int_equal(v.distance, 2);
}

static void each_redirecting_bit_on_either_side_sends_it_up(void **state)
{
	static const u16 bits[] = { RR, CR, EC };
	size_t i;

	for (i = 0; i < 3; i++) {
		struct peerbuf_verdict v;

		v = decide(in_switch(A, DOWN_A, bits[i] | SV, q35),
			   in_switch(B, DOWN_B, 0, q35), false);
		assert_int_equal(v.route, PEERBUF_ROUTE_NOT_SUPPORTED);
		assert_int_equal(v.blame, DOWN_A);
		assert_int_equal(v.blame_acs, bits[i]);
		v = decide(in_switch(A, DOWN_A, 0, skylake),
			   in_switch(B, DOWN_B, bits[i], skylake), false);
		assert_int_equal(v.route, PEERBUF_ROUTE_HOST_BRIDGE);
		assert_int_equal(v.reason, PEERBUF_REASON_ACS_REDIRECT);
		assert_int_equal(v.blame, DOWN_B);
		assert_int_equal(v.distance, 4);
	}
}

static void other_acs_bits_do_not_matter(void **state)
{
	struct peerbuf_verdict v = decide(in_switch(A, DOWN_A, SV | UF, q35),
					  in_switch(B, DOWN_B, SV | UF, q35), false);

	assert_int_equal(v.route, PEERBUF_ROUTE_BUS_ADDRESS);
}

/* The common bridge counts on the provider's side; nothing above it counts. */
static void the_common_bridge_counts_and_what_is_above_does_not(void **state)
{
	struct peerbuf_path a = in_switch(A, DOWN_A, 0, q35);
	struct peerbuf_path b = in_switch(B, DOWN_B, 0, q35);

	a.hop[3].acs_ctrl = b.hop[3].acs_ctrl = RR;
	assert_int_equal(decide(a, b, false).route, PEERBUF_ROUTE_BUS_ADDRESS);
	a.hop[2].acs_ctrl = b.hop[2].acs_ctrl = RR;
	assert_int_equal(decide(a, b, false).blame, UP);
	assert_int_equal(decide(a, b, false).route, PEERBUF_ROUTE_NOT_SUPPORTED);
}

static void through_the_host_bridge_only_where_it_is_known(void **state)
{
	struct peerbuf_verdict v;

	v = decide(below_port(A, PORT, 0, q35), below_port(B, PORT2, 0, q35), false);
	assert_int_equal(v.route, PEERBUF_ROUTE_NOT_SUPPORTED);
	assert_int_equal(v.reason, PEERBUF_REASON_HOST_NOT_LISTED);
	assert_int_equal(v.host.device, 0x29c0);
	assert_int_equal(v.distance, 4);
	v = decide(below_port(A, PORT, 0, q35), below_port(B, PORT2, 0, q35), true);
	assert_int_equal(v.route, PEERBUF_ROUTE_HOST_BRIDGE);
	assert_int_equal(v.reason, PEERBUF_REASON_NO_COMMON_BRIDGE);
	v = decide(below_port(A, PORT, 0, unknown), below_port(B, PORT2, 0, unknown),
		   false);
	assert_int_equal(v.reason, PEERBUF_REASON_HOST_NOT_LISTED);
}

static void two_host_bridges_must_both_be_known_for_it(void **state)
{
	struct peerbuf_verdict v;

	v = decide(below_port(A, PORT, 0, skylake), below_port(B, PORT2, 0, skylake2),
		   false);
	assert_int_equal(v.route, PEERBUF_ROUTE_HOST_BRIDGE);
	v = decide(below_port(A, PORT, 0, old_xeon), below_port(B, PORT2, 0, old_xeon),
		   false);
	assert_int_equal(v.route, PEERBUF_ROUTE_HOST_BRIDGE);
	v = decide(below_port(A, PORT, 0, old_xeon), below_port(B, PORT2, 0, old_xeon2),
		   false);
	assert_int_equal(v.reason, PEERBUF_REASON_HOSTS_DIFFER);
	v = decide(below_port(A, PORT, 0, skylake), below_port(B, PORT2, 0, q35), false);
	assert_int_equal(v.reason, PEERBUF_REASON_HOST_NOT_LISTED);
	assert_int_equal(v.host.device, 0x29c0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_switch_without_redirection_is_a_bus_address),
		cmocka_unit_test(a_function_reaches_itself_and_its_siblings),
		cmocka_unit_test(each_redirecting_bit_on_either_side_sends_it_up),
		cmocka_unit_test(other_acs_bits_do_not_matter),
		cmocka_unit_test(the_common_bridge_counts_and_what_is_above_does_not),
		cmocka_unit_test(through_the_host_bridge_only_where_it_is_known),
		cmocka_unit_test(two_host_bridges_must_both_be_known_for_it),
	};

	return RUN(tests);
}
