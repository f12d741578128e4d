// SPDX-License-Identifier: GPL-2.0-or-later
/* Routes: the rules on small trees. */
#include "suites.h"

#include <linux/peerbuf/p2p.h>

#define RR 0x0004
#define CR 0x0008
#define EC 0x0020
#define SV 0x0001
#define UF 0x0010

enum {
	A = 0x100,
	B = 0x200,
	DOWN_A = 0x110,
	DOWN_B = 0x120,
	UP = 0x130,
	PORT = 0x8,
	PORT2 = 0x10,
};

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

static void one_switch_without_redirection_is_a_bus_address(struct kunit *test)
{
	struct peerbuf_verdict v = decide(in_switch(A, DOWN_A, 0, q35),
					  in_switch(B, DOWN_B, 0, q35), false);

	KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_BUS_ADDRESS);
	KUNIT_ASSERT_EQ(test, v.reason, PEERBUF_REASON_SAME_SWITCH);
	KUNIT_ASSERT_EQ(test, v.distance, 4);
}

static void a_function_reaches_itself_and_its_siblings(struct kunit *test)
{
	struct peerbuf_path a = below_port(A, PORT, 0, q35);
	struct peerbuf_path b = below_port(A + 1, PORT, 0, q35);
	struct peerbuf_verdict v = decide(a, a, false);

	KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_BUS_ADDRESS);
	KUNIT_ASSERT_EQ(test, v.reason, PEERBUF_REASON_SAME_DEVICE);
	KUNIT_ASSERT_EQ(test, v.distance, 0);
	v = decide(a, b, false);
	KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_BUS_ADDRESS);
	KUNIT_ASSERT_EQ(test, v.distance, 2);
}

static void each_redirecting_bit_on_either_side_sends_it_up(struct kunit *test)
{
	static const u16 bits[] = { RR, CR, EC };
	size_t i;

	for (i = 0; i < 3; i++) {
		struct peerbuf_verdict v;

		v = decide(in_switch(A, DOWN_A, bits[i] | SV, q35),
			   in_switch(B, DOWN_B, 0, q35), false);
		KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_NOT_SUPPORTED);
		KUNIT_ASSERT_EQ(test, v.provider_redirects, 1 << 1);
		KUNIT_ASSERT_EQ(test, v.client_redirects, 0);
		KUNIT_ASSERT_EQ(test, v.meet, UP);
		v = decide(in_switch(A, DOWN_A, 0, skylake),
			   in_switch(B, DOWN_B, bits[i], skylake), false);
		KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_HOST_BRIDGE);
		KUNIT_ASSERT_EQ(test, v.reason, PEERBUF_REASON_ACS_REDIRECT);
		KUNIT_ASSERT_EQ(test, v.provider_redirects, 0);
		KUNIT_ASSERT_EQ(test, v.client_redirects, 1 << 1);
		KUNIT_ASSERT_EQ(test, v.distance, 4);
	}
}

static void other_acs_bits_do_not_matter(struct kunit *test)
{
	struct peerbuf_verdict v = decide(in_switch(A, DOWN_A, SV | UF, q35),
					  in_switch(B, DOWN_B, SV | UF, q35), false);

	KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_BUS_ADDRESS);
}

/* The common bridge counts on the provider's side; nothing above it counts. */
static void the_common_bridge_counts_and_what_is_above_does_not(struct kunit *test)
{
	struct peerbuf_path a = in_switch(A, DOWN_A, 0, q35);
	struct peerbuf_path b = in_switch(B, DOWN_B, 0, q35);

	a.hop[3].acs_ctrl = RR;
	b.hop[3].acs_ctrl = RR;
	KUNIT_ASSERT_EQ(test, decide(a, b, false).route, PEERBUF_ROUTE_BUS_ADDRESS);
	a.hop[2].acs_ctrl = RR;
	b.hop[2].acs_ctrl = RR;
	KUNIT_ASSERT_EQ(test, decide(a, b, false).provider_redirects, 1 << 2);
	KUNIT_ASSERT_EQ(test, decide(a, b, false).client_redirects, 0);
	KUNIT_ASSERT_EQ(test, decide(a, b, false).route, PEERBUF_ROUTE_NOT_SUPPORTED);
}

static void all_that_redirect_are_told(struct kunit *test)
{
	struct peerbuf_path a = in_switch(A, DOWN_A, RR, q35);
	struct peerbuf_path b = in_switch(B, DOWN_B, CR, q35);
	struct peerbuf_verdict v;

	a.hop[0].acs_ctrl = EC;
	a.hop[2].acs_ctrl = EC;
	b.hop[0].acs_ctrl = EC;
	v = decide(a, b, false);
	KUNIT_ASSERT_EQ(test, v.provider_redirects, 7);
	KUNIT_ASSERT_EQ(test, v.client_redirects, 3);
	/* Without a common bridge it is not they who decide. */
	v = decide(below_port(A, PORT, RR, q35), below_port(B, PORT2, RR, q35), false);
	KUNIT_ASSERT_FALSE(test, v.met);
	KUNIT_ASSERT_EQ(test, v.provider_redirects | v.client_redirects, 0);
}

/* What lies behind the end of a path is nothing. */
static void a_path_ends_where_it_says(struct kunit *test)
{
	struct peerbuf_path a = below_port(A, PORT, 0, q35), b = below_port(B, PORT2, 0, q35);

	a.hop[2].id = B;
	KUNIT_ASSERT_FALSE(test, decide(a, b, false).met);
	b.hop[2].id = A;
	a.hop[2].id = 0;
	KUNIT_ASSERT_FALSE(test, decide(a, b, false).met);
}

/* Volume management devices have domains from 0x10000 on. */
static void domains_have_more_than_16_bits(struct kunit *test)
{
	struct peerbuf_path a = below_port(0, 0, 0, q35), b = below_port(0, 0, 0, q35);
	struct peerbuf_verdict v;

	a.hop[0].id = PEERBUF_PCI_ID(0, 0xe1, 0);
	a.hop[1].id = PEERBUF_PCI_ID(0, 0xe0, 8);
	b.hop[0].id = PEERBUF_PCI_ID(0x10000, 0xe1, 0);
	b.hop[1].id = PEERBUF_PCI_ID(0x10000, 0xe0, 8);
	v = decide(a, b, false);
	KUNIT_ASSERT_FALSE(test, v.met);
	KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_NOT_SUPPORTED);
}

static void what_stands_for_a_host_bridge(struct kunit *test)
{
	struct peerbuf_host host = { .id = 0 };

	peerbuf_host_identify(&host, 0, false, 0x8086, 0x2f00);
	KUNIT_ASSERT_EQ(test, host.device, 0x2f00);
	KUNIT_ASSERT_EQ(test, peerbuf_host_classify(&host), PEERBUF_HOST_SAME_ONLY);
	peerbuf_host_identify(&host, 0x10, true, 0x8086, 0x2032);
	KUNIT_ASSERT_EQ(test, peerbuf_host_classify(&host), PEERBUF_HOST_ROUTES);
	peerbuf_host_identify(&host, 0x10, false, 0x8086, 0x2032);
	KUNIT_ASSERT_EQ(test, host.vendor, 0xffff);
	KUNIT_ASSERT_EQ(test, peerbuf_host_classify(&host), PEERBUF_HOST_UNKNOWN);
	peerbuf_host_identify(&host, 0, false, 0x8086, 0x2034);
	KUNIT_ASSERT_EQ(test, peerbuf_host_classify(&host), PEERBUF_HOST_UNKNOWN);
}

/* From drivers/pci/p2pdma.c of 7.3; the two beside each range are in no list. */
static void which_host_bridges_are_known(struct kunit *test)
{
	static const struct { u16 vendor, first, last; enum peerbuf_host_class class; } known[] = {
		{ 0x8086, 0x3c00, 0x3c01, PEERBUF_HOST_SAME_ONLY },
		{ 0x8086, 0x2f00, 0x2f01, PEERBUF_HOST_SAME_ONLY },
		{ 0x8086, 0x2030, 0x2033, PEERBUF_HOST_ROUTES },
		{ 0x8086, 0x2020, 0x2020, PEERBUF_HOST_ROUTES },
		{ 0x8086, 0x09a2, 0x09a2, PEERBUF_HOST_ROUTES },
		{ 0x8086, 0x0b25, 0x0b25, PEERBUF_HOST_ROUTES },
		{ 0x8086, 0x0cfe, 0x0cfe, PEERBUF_HOST_ROUTES },
		{ 0x8086, 0x11fb, 0x11fb, PEERBUF_HOST_ROUTES },
		{ 0x8086, 0x1212, 0x1212, PEERBUF_HOST_ROUTES },
		{ 0x8086, 0x1216, 0x1216, PEERBUF_HOST_ROUTES },
		{ 0x8086, 0x4940, 0x4940, PEERBUF_HOST_ROUTES },
		{ 0x8086, 0x4942, 0x4942, PEERBUF_HOST_ROUTES },
		{ 0x8086, 0x4944, 0x4944, PEERBUF_HOST_ROUTES },
		{ 0x8086, 0x4946, 0x4946, PEERBUF_HOST_ROUTES },
		{ 0x8086, 0x4948, 0x4948, PEERBUF_HOST_ROUTES },
		{ 0x1ae0, 0x0000, 0xffff, PEERBUF_HOST_ROUTES },
		{ 0x10de, 0x2f95, 0x2f98, PEERBUF_HOST_ROUTES },
	};
	struct peerbuf_host host = {};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		unsigned int device;

		for (device = known[i].first; device <= known[i].last; device++) {
			host.vendor = known[i].vendor;
			host.device = device;
			KUNIT_ASSERT_EQ(test, peerbuf_host_classify(&host), known[i].class);
		}
		if (known[i].last == 0xffff)
			continue;
		host.device = known[i].last + 1;
		KUNIT_ASSERT_EQ(test, peerbuf_host_classify(&host), PEERBUF_HOST_UNKNOWN);
		host.device = known[i].first - 1;
		KUNIT_ASSERT_EQ(test, peerbuf_host_classify(&host), PEERBUF_HOST_UNKNOWN);
		host = (struct peerbuf_host) { .vendor = 0x1022, .device = known[i].first };
		KUNIT_ASSERT_EQ(test, peerbuf_host_classify(&host), PEERBUF_HOST_UNKNOWN);
	}
	KUNIT_ASSERT_EQ(test, peerbuf_host_classify(&unknown), PEERBUF_HOST_UNKNOWN);
}

static void which_processors_route(struct kunit *test)
{
	KUNIT_ASSERT_TRUE(test, peerbuf_cpu_routes(true, 0x17));
	KUNIT_ASSERT_TRUE(test, peerbuf_cpu_routes(true, 0x1a));
	KUNIT_ASSERT_FALSE(test, peerbuf_cpu_routes(true, 0x16));
	KUNIT_ASSERT_FALSE(test, peerbuf_cpu_routes(false, 0x17));
}

/* ------------------------------------------------------------------- overrides */

static int parse(const char *text)
{
	static struct peerbuf_override pairs[PEERBUF_MAX_OVERRIDES];

	return peerbuf_override_parse(text, pairs);
}

static void pairs_are_read(struct kunit *test)
{
	static const char text[] = "01:00.0-10000:FE:1f.7,0000:2:0.7-1:0.0\n";
	struct peerbuf_override p[PEERBUF_MAX_OVERRIDES];
	u64 a = PEERBUF_PCI_ID(0, 1, 0), b = PEERBUF_PCI_ID(0x10000, 0xfe, 0xff), c = 0x207;

	KUNIT_ASSERT_EQ(test, parse(""), 0);
	KUNIT_ASSERT_EQ(test, parse("\n"), 0);
	KUNIT_ASSERT_EQ(test, peerbuf_override_parse(text, p), 2);
	KUNIT_ASSERT_TRUE(test, peerbuf_override_has(p, 2, a, b));
	KUNIT_ASSERT_TRUE(test, peerbuf_override_has(p, 2, b, a));
	KUNIT_ASSERT_TRUE(test, peerbuf_override_has(p, 2, a, c));
	KUNIT_ASSERT_FALSE(test, peerbuf_override_has(p, 2, b, c));
	KUNIT_ASSERT_FALSE(test, peerbuf_override_has(p, 2, a, a));
	KUNIT_ASSERT_FALSE(test, peerbuf_override_has(p, 0, a, b));
	KUNIT_ASSERT_FALSE(test, peerbuf_override_has(p, 1, a, c));
}

static void other_texts_are_refused(struct kunit *test)
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

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (parse(texts[i]) != -EINVAL)
			KUNIT_FAIL(test, "\"%s\" was not refused", texts[i]);
	for (i = 0; i < 64; i++)
		strcat(many, i ? ",01:00.0-02:00.0" : "01:00.0-02:00.0");
	KUNIT_ASSERT_EQ(test, parse(many), 64);
	strcat(many, ",01:00.0-02:00.0");
	KUNIT_ASSERT_EQ(test, parse(many), -E2BIG);
}

static void what_is_refused_goes_through_the_host_bridge(struct kunit *test)
{
	struct peerbuf_verdict v;

	v = decide(below_port(A, PORT, 0, q35), below_port(B, PORT2, 0, q35), false);
	peerbuf_override_apply(&v);
	KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_HOST_BRIDGE);
	KUNIT_ASSERT_EQ(test, v.reason, PEERBUF_REASON_OVERRIDE);
	KUNIT_ASSERT_EQ(test, v.refused, PEERBUF_REASON_HOST_NOT_LISTED);
	v = decide(in_switch(A, DOWN_A, 0, q35), in_switch(B, DOWN_B, 0, q35), false);
	peerbuf_override_apply(&v);
	KUNIT_ASSERT_EQ(test, v.reason, PEERBUF_REASON_SAME_SWITCH);
	KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_BUS_ADDRESS);
}

static void through_the_host_bridge_only_where_it_is_known(struct kunit *test)
{
	struct peerbuf_verdict v;

	v = decide(below_port(A, PORT, 0, q35), below_port(B, PORT2, 0, q35), false);
	KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_NOT_SUPPORTED);
	KUNIT_ASSERT_EQ(test, v.reason, PEERBUF_REASON_HOST_NOT_LISTED);
	KUNIT_ASSERT_EQ(test, v.host.device, 0x29c0);
	KUNIT_ASSERT_EQ(test, v.distance, 4);
	v = decide(below_port(A, PORT, 0, q35), below_port(B, PORT2, 0, q35), true);
	KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_HOST_BRIDGE);
	KUNIT_ASSERT_EQ(test, v.reason, PEERBUF_REASON_NO_COMMON_BRIDGE);
	v = decide(below_port(A, PORT, 0, unknown), below_port(B, PORT2, 0, unknown),
		   false);
	KUNIT_ASSERT_EQ(test, v.reason, PEERBUF_REASON_HOST_NOT_LISTED);
}

static void two_host_bridges_must_both_be_known_for_it(struct kunit *test)
{
	struct peerbuf_verdict v;

	v = decide(below_port(A, PORT, 0, skylake), below_port(B, PORT2, 0, skylake2),
		   false);
	KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_HOST_BRIDGE);
	v = decide(below_port(A, PORT, 0, old_xeon), below_port(B, PORT2, 0, old_xeon),
		   false);
	KUNIT_ASSERT_EQ(test, v.route, PEERBUF_ROUTE_HOST_BRIDGE);
	v = decide(below_port(A, PORT, 0, old_xeon), below_port(B, PORT2, 0, old_xeon2),
		   false);
	KUNIT_ASSERT_EQ(test, v.reason, PEERBUF_REASON_HOSTS_DIFFER);
	KUNIT_ASSERT_EQ(test, v.host.device, 0x3c00);
	v = decide(below_port(A, PORT, 0, skylake2), below_port(B, PORT2, 0, old_xeon), false);
	KUNIT_ASSERT_EQ(test, v.reason, PEERBUF_REASON_HOSTS_DIFFER);
	KUNIT_ASSERT_EQ(test, v.host.device, 0x3c00);
	v = decide(below_port(A, PORT, 0, skylake), below_port(B, PORT2, 0, q35), false);
	KUNIT_ASSERT_EQ(test, v.reason, PEERBUF_REASON_HOST_NOT_LISTED);
	KUNIT_ASSERT_EQ(test, v.host.device, 0x29c0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(one_switch_without_redirection_is_a_bus_address),
	KUNIT_CASE(a_function_reaches_itself_and_its_siblings),
	KUNIT_CASE(each_redirecting_bit_on_either_side_sends_it_up),
	KUNIT_CASE(other_acs_bits_do_not_matter),
	KUNIT_CASE(the_common_bridge_counts_and_what_is_above_does_not),
	KUNIT_CASE(all_that_redirect_are_told),
	KUNIT_CASE(a_path_ends_where_it_says),
	KUNIT_CASE(domains_have_more_than_16_bits),
	KUNIT_CASE(what_stands_for_a_host_bridge),
	KUNIT_CASE(which_host_bridges_are_known),
	KUNIT_CASE(which_processors_route),
	KUNIT_CASE(pairs_are_read),
	KUNIT_CASE(other_texts_are_refused),
	KUNIT_CASE(what_is_refused_goes_through_the_host_bridge),
	KUNIT_CASE(through_the_host_bridge_only_where_it_is_known),
	KUNIT_CASE(two_host_bridges_must_both_be_known_for_it),
	{}
};

struct kunit_suite route_suite = {
	.name = "peerbuf_route",
	.test_cases = cases,
};
