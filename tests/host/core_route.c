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
		assert_int_equal(v.provider_redirects, 1 << 1);
		assert_int_equal(v.client_redirects, 0);
		assert_int_equal(v.meet, UP);
		v = decide(in_switch(A, DOWN_A, 0, skylake),
			   in_switch(B, DOWN_B, bits[i], skylake), false);
		assert_int_equal(v.route, PEERBUF_ROUTE_HOST_BRIDGE);
		assert_int_equal(v.reason, PEERBUF_REASON_ACS_REDIRECT);
		assert_int_equal(v.provider_redirects, 0);
		assert_int_equal(v.client_redirects, 1 << 1);
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
	assert_int_equal(decide(a, b, false).provider_redirects, 1 << 2);
	assert_int_equal(decide(a, b, false).client_redirects, 0);
	assert_int_equal(decide(a, b, false).route, PEERBUF_ROUTE_NOT_SUPPORTED);
}

static void all_that_redirect_are_told(void **state)
{
	struct peerbuf_path a = in_switch(A, DOWN_A, RR, q35);
	struct peerbuf_path b = in_switch(B, DOWN_B, CR, q35);
	struct peerbuf_verdict v;

	a.hop[0].acs_ctrl = a.hop[2].acs_ctrl = b.hop[0].acs_ctrl = EC;
	v = decide(a, b, false);
	assert_int_equal(v.provider_redirects, 7);
	assert_int_equal(v.client_redirects, 3);
	/* Without a common bridge it is not they who decide. */
	v = decide(below_port(A, PORT, RR, q35), below_port(B, PORT2, RR, q35), false);
	assert_false(v.met);
	assert_int_equal(v.provider_redirects | v.client_redirects, 0);
}

/* Volume management devices have domains from 0x10000 on. */
static void domains_have_more_than_16_bits(void **state)
{
	struct peerbuf_path a = below_port(0, 0, 0, q35), b = below_port(0, 0, 0, q35);
	struct peerbuf_verdict v;

	a.hop[0].id = PEERBUF_PCI_ID(0, 0xe1, 0);
	a.hop[1].id = PEERBUF_PCI_ID(0, 0xe0, 8);
	b.hop[0].id = PEERBUF_PCI_ID(0x10000, 0xe1, 0);
	b.hop[1].id = PEERBUF_PCI_ID(0x10000, 0xe0, 8);
	v = decide(a, b, false);
	assert_false(v.met);
	assert_int_equal(v.route, PEERBUF_ROUTE_NOT_SUPPORTED);
}

static void what_stands_for_a_host_bridge(void **state)
{
	struct peerbuf_host host = { .id = 0 };

	peerbuf_host_identify(&host, 0, false, 0x8086, 0x2f00);
	assert_int_equal(host.device, 0x2f00);
	assert_int_equal(peerbuf_host_classify(&host), PEERBUF_HOST_SAME_ONLY);
	peerbuf_host_identify(&host, 0x10, true, 0x8086, 0x2032);
	assert_int_equal(peerbuf_host_classify(&host), PEERBUF_HOST_ROUTES);
	peerbuf_host_identify(&host, 0x10, false, 0x8086, 0x2032);
	assert_int_equal(host.vendor, 0xffff);
	assert_int_equal(peerbuf_host_classify(&host), PEERBUF_HOST_UNKNOWN);
	peerbuf_host_identify(&host, 0, false, 0x8086, 0x2034);
	assert_int_equal(peerbuf_host_classify(&host), PEERBUF_HOST_UNKNOWN);
}

static void which_processors_route(void **state)
{
	assert_true(peerbuf_cpu_routes(true, 0x17));
	assert_true(peerbuf_cpu_routes(true, 0x1a));
	assert_false(peerbuf_cpu_routes(true, 0x16));
	assert_false(peerbuf_cpu_routes(false, 0x17));
}

/* ------------------------------------------------------------------- overrides */

static int parse(const char *text)
{
	static struct peerbuf_override pairs[PEERBUF_MAX_OVERRIDES];

	return peerbuf_override_parse(text, pairs);
}

static void pairs_are_read(void **state)
{
	struct peerbuf_override p[PEERBUF_MAX_OVERRIDES];
	u64 a = PEERBUF_PCI_ID(0, 1, 0), b = PEERBUF_PCI_ID(0x10000, 0xfe, 0xff), c = 0x207;

	assert_int_equal(parse(""), 0);
	assert_int_equal(parse("\n"), 0);
	assert_int_equal(peerbuf_override_parse("01:00.0-10000:FE:1f.7,0000:2:0.7-1:0.0\n", p), 2);
	assert_true(peerbuf_override_has(p, 2, a, b));
	assert_true(peerbuf_override_has(p, 2, b, a));
	assert_true(peerbuf_override_has(p, 2, a, c));
	assert_false(peerbuf_override_has(p, 2, b, c));
	assert_false(peerbuf_override_has(p, 2, a, a));
	assert_false(peerbuf_override_has(p, 0, a, b));
	assert_false(peerbuf_override_has(p, 1, a, c));
}

static void other_texts_are_refused(void **state)
{
	static const char *const texts[] = {
		"x", "01:00.0", "01:00.0-", "01:00.0-02:00.0,", "01:00.0-02:00.0,\n",
		"01:00.0-02:00.0-03:00.0", "01:00.0-01:00.0", "01:00.8-02:00.0", "01:20.0-02:00.0",
		"101:00.0-02:00.0", "01:00.0 - 02:00.0", ",01:00.0-02:00.0", "01:00.0-02:00.0\n\n",
		"01:00.0-02:00.0;01:00.0-03:00.0", "123456789:01:00.0-02:00.0", "01:00-02:00",
		"01:00.0-02:00.00", "0000:01:00.0,0000:02:00.0", ":01:00.0-02:00.0",
	};
	char many[65 * 16 + 1] = "";
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (parse(texts[i]) != -EINVAL)
			fail_msg("\"%s\" was not refused", texts[i]);
	for (i = 0; i < 64; i++)
		strcat(many, i ? ",01:00.0-02:00.0" : "01:00.0-02:00.0");
	assert_int_equal(parse(many), 64);
	strcat(many, ",01:00.0-02:00.0");
	assert_int_equal(parse(many), -E2BIG);
}

static void what_is_refused_goes_through_the_host_bridge(void **state)
{
	struct peerbuf_verdict v;

	v = decide(below_port(A, PORT, 0, q35), below_port(B, PORT2, 0, q35), false);
	peerbuf_override_apply(&v);
	assert_int_equal(v.route, PEERBUF_ROUTE_HOST_BRIDGE);
	assert_int_equal(v.reason, PEERBUF_REASON_OVERRIDE);
	assert_int_equal(v.refused, PEERBUF_REASON_HOST_NOT_LISTED);
	v = decide(in_switch(A, DOWN_A, 0, q35), in_switch(B, DOWN_B, 0, q35), false);
	peerbuf_override_apply(&v);
	assert_int_equal(v.reason, PEERBUF_REASON_SAME_SWITCH);
	assert_int_equal(v.route, PEERBUF_ROUTE_BUS_ADDRESS);
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
		cmocka_unit_test(all_that_redirect_are_told),
		cmocka_unit_test(domains_have_more_than_16_bits),
		cmocka_unit_test(what_stands_for_a_host_bridge),
		cmocka_unit_test(which_processors_route),
		cmocka_unit_test(pairs_are_read),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(what_is_refused_goes_through_the_host_bridge),
		cmocka_unit_test(through_the_host_bridge_only_where_it_is_known),
		cmocka_unit_test(two_host_bridges_must_both_be_known_for_it),
	};

	return RUN(tests);
}
