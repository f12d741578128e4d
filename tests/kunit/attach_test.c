// SPDX-License-Identifier: GPL-2.0-or-later
/* Negotiation with the types that the core has, through attachments. */
#include <linux/fcntl.h>

#include "fixture.h"
#include "suites.h"

#define P PAGE_SIZE
#define SGT (&dma_buf_mapping_sgt_type)
#define IOMMU (&dma_buf_mapping_iommu_type)
#define PAL (&dma_buf_mapping_pal_type)
#define IOV (&dma_buf_mapping_iov_type)

static int mock_verdict;

static int mock_match(struct dma_buf *dmabuf, const struct dma_buf_mapping_match *exp,
		      const struct dma_buf_mapping_match *imp)
{
	return mock_verdict;
}

static void mock_finish(struct dma_buf_match_args *args, const struct dma_buf_mapping_match *exp,
			const struct dma_buf_mapping_match *imp)
{
	*args->result = *exp;
	args->result->private_data = imp->private_data;
}

static const struct dma_buf_mapping_type mock = {
	.name = "mock", .match = mock_match, .finish_match = mock_finish,
};

static const struct dma_buf_mapping_type mock_plain = { .name = "mock_plain" };

/* What exporters offer. */
static struct dma_buf_mapping_match pal(void)
{
	return DMA_BUF_EMAPPING_PAL(&made_pal_ops, provider_pdev);
}

static struct dma_buf_mapping_match pal_ram(void)
{
	return DMA_BUF_EMAPPING_PAL_RAM(&made_pal_ops);
}

static struct dma_buf_mapping_match sgt(void)
{
	return DMA_BUF_EMAPPING_SGT(&made_sgt_ops);
}

static struct dma_buf_mapping_match sgt_p2p(void)
{
	return DMA_BUF_EMAPPING_SGT_P2P(&made_sgt_ops, provider_pdev);
}

/* The provider is no virtual function. */
static struct dma_buf_mapping_match iov(void)
{
	return DMA_BUF_EMAPPING_IOV(&made_pal_ops, provider_pdev, 2);
}

static struct dma_buf_mapping_match private(void)
{
	return (struct dma_buf_mapping_match) { .type = &mock_plain };
}

/* What importers ask for. */
static struct dma_buf_mapping_match want_neighbour(void)
{
	return DMA_BUF_IMAPPING_SGT(&neighbour->dev, true);
}

static struct dma_buf_mapping_match want_stranger(void)
{
	return DMA_BUF_IMAPPING_SGT(&stranger->dev, true);
}

static struct dma_buf_mapping_match want_no_p2p(void)
{
	return DMA_BUF_IMAPPING_SGT(&neighbour->dev, false);
}

static struct dma_buf_mapping_match want_elsewhere(void)
{
	return DMA_BUF_IMAPPING_SGT(elsewhere, true);
}

static struct dma_buf_mapping_match want_no_device(void)
{
	return DMA_BUF_IMAPPING_SGT(NULL, true);
}

static struct dma_buf_mapping_match want_domain(void)
{
	return DMA_BUF_IMAPPING_IOMMU(&stranger->dev, false);
}

static struct dma_buf_mapping_match want_domain_strict(void)
{
	return DMA_BUF_IMAPPING_IOMMU(&stranger->dev, true);
}

static struct dma_buf_mapping_match want_domain_elsewhere(void)
{
	return DMA_BUF_IMAPPING_IOMMU(elsewhere, false);
}

static struct dma_buf_mapping_match want_domain_elsewhere_strict(void)
{
	return DMA_BUF_IMAPPING_IOMMU(elsewhere, true);
}

static struct dma_buf_mapping_match want_domain_no_device(void)
{
	return DMA_BUF_IMAPPING_IOMMU(NULL, false);
}

static struct dma_buf_mapping_match want_pal(void)
{
	return DMA_BUF_IMAPPING_PAL();
}

static struct dma_buf_mapping_match want_pal_as_another(void)
{
	struct dma_buf_mapping_match match = DMA_BUF_IMAPPING_PAL();

	match.pal_data.owner = "peerbuf_kuni";
	return match;
}

static struct dma_buf_mapping_match want_pal_as_nobody(void)
{
	struct dma_buf_mapping_match match = DMA_BUF_IMAPPING_PAL();

	match.pal_data.owner = NULL;
	return match;
}

static struct dma_buf_mapping_match want_iov(void)
{
	return DMA_BUF_IMAPPING_IOV(provider_pdev);
}

/* One exporter's entry against one importer's; a type of NULL is a refusal. */
struct pair {
	struct dma_buf_mapping_match (*exp)(void);
	struct dma_buf_mapping_match (*imp)(void);
	const struct dma_buf_mapping_type *type, *origin;
};

static const struct pair pairs[] = {
	{ pal, want_neighbour, SGT, PAL },
	{ pal, want_stranger, SGT, PAL },
	{ pal, want_no_p2p, NULL },
	{ pal, want_elsewhere, NULL },
	{ pal, want_no_device, NULL },
	{ pal, want_domain, IOMMU, PAL },
	{ pal, want_domain_strict, IOMMU, PAL },
	{ pal, want_domain_elsewhere, IOMMU, PAL },
	{ pal, want_domain_elsewhere_strict, NULL },
	{ pal, want_domain_no_device, NULL },
	{ pal, want_pal, PAL, NULL },
	{ pal, want_pal_as_another, NULL },
	{ pal, want_pal_as_nobody, NULL },
	{ pal, want_iov, NULL },
	{ pal, private, NULL },

	{ pal_ram, want_neighbour, SGT, PAL },
	{ pal_ram, want_no_p2p, SGT, PAL },
	{ pal_ram, want_elsewhere, SGT, PAL },
	{ pal_ram, want_no_device, NULL },
	{ pal_ram, want_domain, IOMMU, PAL },
	{ pal_ram, want_domain_elsewhere_strict, IOMMU, PAL },
	{ pal_ram, want_domain_no_device, NULL },
	{ pal_ram, want_pal, PAL, NULL },
	{ pal_ram, want_pal_as_another, NULL },

	{ sgt, want_neighbour, SGT, NULL },
	{ sgt, want_no_p2p, SGT, NULL },
	{ sgt, want_elsewhere, SGT, NULL },
	{ sgt, want_no_device, NULL },
	{ sgt, want_domain, IOMMU, SGT },
	{ sgt, want_domain_elsewhere_strict, IOMMU, SGT },
	{ sgt, want_domain_no_device, NULL },
	{ sgt, want_pal, NULL },

	{ sgt_p2p, want_neighbour, SGT, NULL },
	{ sgt_p2p, want_stranger, SGT, NULL },
	{ sgt_p2p, want_no_p2p, NULL },
	{ sgt_p2p, want_elsewhere, NULL },
	{ sgt_p2p, want_domain, IOMMU, SGT },
	{ sgt_p2p, want_domain_strict, IOMMU, SGT },
	{ sgt_p2p, want_domain_elsewhere_strict, NULL },

	{ iov, want_iov, NULL },
	{ iov, want_neighbour, NULL },
	{ private, private, &mock_plain, NULL },
	{ private, want_neighbour, NULL },
};

static const struct phys_vec one_page = { P, P };

/* By a single entry, or by a match_mapping of the exporter's own. */
static void export_entry(struct kunit *test, struct made *m, struct dma_buf_mapping_match entry,
			 bool by_match_mapping)
{
	*m = (struct made) {
		.list = list_of(&one_page, 1), .vec = &one_page, .nr_vec = 1, .single = entry,
	};
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m->list);
	if (by_match_mapping)
		m->offer[m->nr++] = entry;
	KUNIT_ASSERT_EQ(test, made_export(m, NULL, P, O_RDWR), 0);
}

static void try_pair(struct kunit *test, size_t i, bool by_match_mapping)
{
	const struct dma_buf_mapping_match *got;
	const struct pair *pair = &pairs[i];
	struct heard h = {};
	struct made m;
	int err;

	export_entry(test, &m, pair->exp(), by_match_mapping);
	err = heard_attach(&h, &m, pair->imp());
	if (err != (pair->type ? 0 : -EINVAL)) {
		KUNIT_FAIL(test, "pair %zu: %d", i, err);
	} else if (!err) {
		got = dma_buf_attachment_mapping(h.attach);
		if (got->type != pair->type || got->origin != pair->origin)
			KUNIT_FAIL(test, "pair %zu: %s of %s", i, got->type->name,
				   got->origin ? got->origin->name : "itself");
	}
	if (!err)
		heard_detach(&h);
	made_put(&m);
	KUNIT_EXPECT_TRUE(test, m.released);
}

static void each_offer_meets_each_request_by_a_single_entry(struct kunit *test)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++)
		try_pair(test, i, false);
}

static void each_offer_meets_each_request_by_match_mapping(struct kunit *test)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++)
		try_pair(test, i, true);
}

/* Every exporter of the stock kernel is one scatterlist entry. */
static void a_foreign_buffer_is_one_table(struct kunit *test)
{
	static const struct {
		struct dma_buf_mapping_match (*imp)(void);
		const struct dma_buf_mapping_type *type, *origin;
	} want[] = {
		{ want_neighbour, SGT, NULL },
		{ want_no_p2p, SGT, NULL },
		{ want_elsewhere, SGT, NULL },
		{ want_no_device, NULL },
		{ want_domain, IOMMU, SGT },
		{ want_domain_strict, IOMMU, SGT },
		{ want_domain_no_device, NULL },
		{ want_pal, NULL },
		{ want_iov, NULL },
		{ private, NULL },
	};
	const struct dma_buf_mapping_match *got;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		struct made m = { .vec = &one_page, .nr_vec = 1 };
		struct heard h = {};
		int err;

		KUNIT_ASSERT_EQ(test, made_export_foreign(&m, P, i % 2), 0);
		KUNIT_EXPECT_FALSE(test, peerbuf_is_native(m.dmabuf));
		err = heard_attach(&h, &m, want[i].imp());
		KUNIT_EXPECT_EQ(test, err, want[i].type ? 0 : -EINVAL);
		if (!err) {
			got = dma_buf_attachment_mapping(h.attach);
			KUNIT_EXPECT_PTR_EQ(test, got->type, want[i].type);
			KUNIT_EXPECT_PTR_EQ(test, got->origin, want[i].origin);
			heard_detach(&h);
		}
		made_put(&m);
		KUNIT_EXPECT_TRUE(test, m.released);
	}
}

/* The type that several entries of both sides come to. */
static const struct dma_buf_mapping_type *
negotiate(struct kunit *test, const struct dma_buf_mapping_match *exp, size_t nr_exp,
	  const struct dma_buf_mapping_match *imp, size_t nr_imp)
{
	struct made m = { .list = list_of(&one_page, 1), .vec = &one_page, .nr_vec = 1 };
	const struct dma_buf_mapping_type *type = NULL;
	struct dma_buf_attachment *attach;
	struct heard h = {};

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m.list);
	memcpy(m.offer, exp, nr_exp * sizeof(*exp));
	m.nr = nr_exp;
	KUNIT_ASSERT_EQ(test, made_export(&m, NULL, P, O_RDWR), 0);
	attach = dma_buf_mapping_attach(m.dmabuf, imp, nr_imp, &heard_ops, &h);
	if (!IS_ERR(attach)) {
		type = dma_buf_attachment_mapping(attach)->type;
		dma_buf_mapping_detach(attach);
	}
	made_put(&m);
	return type;
}

static void the_exporters_order_decides(struct kunit *test)
{
	struct dma_buf_mapping_match private_first[] = { private(), pal() };
	struct dma_buf_mapping_match pal_first[] = { pal(), private() };
	struct dma_buf_mapping_match sgt_first[] = { sgt_p2p(), pal(), private() };
	struct dma_buf_mapping_match all[] = {
		want_stranger(), want_domain(), want_pal(), private(),
	};

	KUNIT_EXPECT_PTR_EQ(test, negotiate(test, private_first, 2, all, 4), &mock_plain);
	KUNIT_EXPECT_PTR_EQ(test, negotiate(test, pal_first, 2, all, 4), PAL);
	KUNIT_EXPECT_PTR_EQ(test, negotiate(test, sgt_first, 3, all, 4), SGT);
}

/* A list that has no room on the stack, and what each request finds in it. */
static void expect_found(struct kunit *test, const struct dma_buf_mapping_match *exp, size_t nr_exp,
			 struct dma_buf_mapping_match imp, const struct pair *want,
			 const struct dma_buf_mapping_exp_ops *exp_ops)
{
	struct made m = { .list = list_of(&one_page, 1), .nr = nr_exp };
	const struct dma_buf_mapping_match *got;
	struct heard h = {};
	int err;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m.list);
	memcpy(m.offer, exp, nr_exp * sizeof(*exp));
	KUNIT_ASSERT_EQ(test, made_export(&m, NULL, P, O_RDWR), 0);
	err = heard_attach(&h, &m, imp);
	KUNIT_EXPECT_EQ(test, err, want->type ? 0 : -EINVAL);
	if (!err) {
		got = dma_buf_attachment_mapping(h.attach);
		KUNIT_EXPECT_PTR_EQ(test, got->type, want->type);
		KUNIT_EXPECT_PTR_EQ(test, got->origin, want->origin);
		KUNIT_EXPECT_PTR_EQ(test, got->exp_ops, exp_ops);
		heard_detach(&h);
	}
	made_put(&m);
	KUNIT_EXPECT_TRUE(test, m.released);
}

static void each_of_many_entries_is_found(struct kunit *test)
{
	/* By other operations, so that it can be told which of the last two it was. */
	static const struct dma_buf_mapping_pal_exp_ops ram_ops;
	const struct dma_buf_mapping_exp_ops *of_list = &made_pal_ops.ops, *of_ram = &ram_ops.ops;
	struct dma_buf_mapping_match mixed[] = {
		private(), sgt_p2p(), DMA_BUF_EMAPPING_PAL_RAM(&ram_ops),
	};
	/* Each becomes three, which is as many as an entry can. */
	struct dma_buf_mapping_match lists[] = {
		pal(), pal(), pal(), DMA_BUF_EMAPPING_PAL_RAM(&ram_ops),
	};

	expect_found(test, mixed, 3, private(), &(struct pair) { .type = &mock_plain }, NULL);
	expect_found(test, mixed, 3, want_stranger(), &(struct pair) { .type = SGT },
		     &made_sgt_ops.ops);
	expect_found(test, mixed, 3, want_domain_strict(),
		     &(struct pair) { .type = IOMMU, .origin = SGT }, &made_sgt_ops.ops);
	expect_found(test, mixed, 3, want_pal(), &(struct pair) { .type = PAL }, of_ram);
	expect_found(test, mixed, 3, want_no_p2p(),
		     &(struct pair) { .type = SGT, .origin = PAL }, of_ram);
	expect_found(test, mixed, 3, want_domain_elsewhere_strict(),
		     &(struct pair) { .type = IOMMU, .origin = PAL }, of_ram);
	expect_found(test, mixed, 3, want_iov(), &(struct pair) {}, NULL);

	expect_found(test, lists, 4, want_pal(), &(struct pair) { .type = PAL }, of_list);
	expect_found(test, lists, 4, want_stranger(),
		     &(struct pair) { .type = SGT, .origin = PAL }, of_list);
	expect_found(test, lists + 1, 3, want_elsewhere(),
		     &(struct pair) { .type = SGT, .origin = PAL }, of_ram);
	expect_found(test, lists, 4, want_elsewhere(),
		     &(struct pair) { .type = SGT, .origin = PAL }, of_ram);
	expect_found(test, lists, 3, want_elsewhere(), &(struct pair) {}, NULL);
}

/* Of one entry the core prefers a mapping in a domain to a table. */
static void a_domain_is_preferred_to_a_table(struct kunit *test)
{
	struct dma_buf_mapping_match offer = pal();
	struct dma_buf_mapping_match both[] = { want_stranger(), want_domain() };
	struct dma_buf_mapping_match refused[] = {
		want_stranger(), want_domain_elsewhere_strict(),
	};

	KUNIT_EXPECT_PTR_EQ(test, negotiate(test, &offer, 1, both, 2), IOMMU);
	KUNIT_EXPECT_PTR_EQ(test, negotiate(test, &offer, 1, refused, 2), SGT);
}

/*
 * The exporter sees the device of the entry that won, and whether that one copes with device
 * memory, whatever the others do.
 */
static void first_wins(struct kunit *test, struct made *m, struct pci_dev *pdev, bool p2p,
		       const struct dma_buf_mapping_match *imp, size_t nr_imp)
{
	struct dma_buf_attachment *attach;
	struct heard h = {};

	attach = dma_buf_mapping_attach(m->dmabuf, imp, nr_imp, &heard_ops, &h);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), &pdev->dev);
	KUNIT_EXPECT_PTR_EQ(test, attach->dev, &pdev->dev);
	KUNIT_EXPECT_EQ(test, dma_buf_sgt_p2p_allowed(attach), p2p);
	KUNIT_EXPECT_EQ(test, attach->peer2peer, p2p);
	dma_buf_mapping_detach(attach);
}

static void the_importers_order_decides_within_an_entry(struct kunit *test)
{
	struct dma_buf_mapping_match imp[] = { want_no_p2p(), want_stranger(), want_neighbour() };
	struct made m = {};

	/* Device memory: the first entry is refused. */
	export_entry(test, &m, pal(), false);
	first_wins(test, &m, stranger, true, imp, 3);
	made_put(&m);
	export_entry(test, &m, sgt_p2p(), false);
	first_wins(test, &m, stranger, true, imp, 3);
	made_put(&m);
	/* For these it is good enough. */
	export_entry(test, &m, sgt(), false);
	first_wins(test, &m, neighbour, false, imp, 3);
	first_wins(test, &m, stranger, true, imp + 1, 2);
	made_put(&m);
	m = (struct made) { .vec = &one_page, .nr_vec = 1 };
	KUNIT_ASSERT_EQ(test, made_export_foreign(&m, P, true), 0);
	first_wins(test, &m, neighbour, false, imp, 3);
	first_wins(test, &m, stranger, true, imp + 1, 2);
	made_put(&m);
}

static void a_type_of_a_drivers_own_decides_and_finishes(struct kunit *test)
{
	struct dma_buf_mapping_match imp = { .type = &mock, .private_data = &mock_verdict };
	struct heard h = {};
	struct made m;

	export_entry(test, &m, (struct dma_buf_mapping_match) { .type = &mock }, false);
	mock_verdict = 0;
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, imp), 0);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_attachment_mapping(h.attach)->private_data,
			    &mock_verdict);
	heard_detach(&h);
	mock_verdict = -EOPNOTSUPP;
	KUNIT_EXPECT_EQ(test, heard_attach(&h, &m, imp), -EINVAL);
	mock_verdict = -ENOMEM;
	KUNIT_EXPECT_EQ(test, heard_attach(&h, &m, imp), -ENOMEM);
	mock_verdict = 0;
	made_put(&m);

	/* An exporter that says no before it looks. */
	m = (struct made) { .match_error = -EPERM };
	KUNIT_ASSERT_EQ(test, made_export(&m, NULL, P, O_RDWR), 0);
	KUNIT_EXPECT_EQ(test, heard_attach(&h, &m, imp), -EPERM);
	made_put(&m);
}

static void malformed_requests_are_einval(struct kunit *test)
{
	static const struct dma_buf_mapping_importer_ops no_callback;
	struct dma_buf_mapping_match many[9];
	struct dma_buf_attachment *attach;
	struct heard h = {};
	struct made m;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = want_neighbour();
	export_entry(test, &m, pal(), false);
	attach = dma_buf_mapping_attach(m.dmabuf, many, 0, &heard_ops, &h);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(attach), -EINVAL);
	attach = dma_buf_mapping_attach(m.dmabuf, many, 9, &heard_ops, &h);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(attach), -EINVAL);
	attach = dma_buf_mapping_attach(m.dmabuf, many, 1, NULL, &h);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(attach), -EINVAL);
	attach = dma_buf_mapping_attach(m.dmabuf, many, 1, &no_callback, &h);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(attach), -EINVAL);
	attach = dma_buf_mapping_attach(m.dmabuf, many, 8, &heard_ops, &h);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	dma_buf_mapping_detach(attach);
	made_put(&m);
}

static void empty_lists_match_nothing(struct kunit *test)
{
	struct dma_buf_mapping_match entry = pal(), result;
	struct dma_buf_match_args args = { .imp_matches = &entry, .imp_len = 1, .result = &result };

	KUNIT_EXPECT_EQ(test, dma_buf_match_mapping(&args, &entry, 0), -EINVAL);
	args.imp_len = 0;
	KUNIT_EXPECT_EQ(test, dma_buf_match_mapping(&args, &entry, 1), -EINVAL);
}

/* An importer that knows nothing of types: it is a table that it gets, or nothing. */
static void importers_without_types_get_tables(struct kunit *test)
{
	struct dma_buf_attachment *attach;
	struct told_provider t;
	struct heard h = {};
	struct made m;

	export_entry(test, &m, pal(), false);
	attach = dma_buf_sgt_dynamic_attach(m.dmabuf, &neighbour->dev, &heard_stock_ops, &h);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_attachment_mapping(attach)->type, SGT);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), &neighbour->dev);
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(attach));
	dma_buf_detach(m.dmabuf, attach);
	attach = dma_buf_sgt_dynamic_attach(m.dmabuf, &neighbour->dev, &heard_stock_no_p2p_ops, &h);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(attach), -EOPNOTSUPP);
	attach = dma_buf_sgt_dynamic_attach(m.dmabuf, elsewhere, &heard_stock_ops, &h);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(attach), -EOPNOTSUPP);
	made_put(&m);

	/* Who cannot let go is refused what can be revoked, and nothing else. */
	told_provider_init(&t);
	m = (struct made) { .list = list_of(&one_page, 1), .single = pal_ram() };
	KUNIT_ASSERT_EQ(test, made_export(&m, &t.p, P, O_RDWR), 0);
	attach = dma_buf_sgt_attach(m.dmabuf, &neighbour->dev);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(attach), -EOPNOTSUPP);
	made_put(&m);
	peerbuf_provider_close(&t.p);
	peerbuf_provider_fini(&t.p);
	export_entry(test, &m, pal_ram(), false);
	attach = dma_buf_sgt_attach(m.dmabuf, &neighbour->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	dma_buf_detach(m.dmabuf, attach);
	made_put(&m);
}

/* The type is fixed: what an exporter offers later is for those who attach later. */
static void renegotiation_is_attaching_anew(struct kunit *test)
{
	const struct phys_vec at = { bar_start(), P };
	struct told_provider t;
	struct heard h = {}, late = {};
	struct made m = { .vec = &at, .nr_vec = 1 };

	told_provider_init(&t);
	m.list = list_of(&at, 1);
	m.offer[m.nr++] = pal();
	KUNIT_ASSERT_EQ(test, made_export(&m, &t.p, P, O_RDWR), 0);
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, want_neighbour()), 0);
	KUNIT_EXPECT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), 0);

	/* While it is revoked the exporter turns into one that has no list any more. */
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	m.offer[0] = sgt_p2p();
	m.map_error = -EOPNOTSUPP;
	peerbuf_provider_unblock(&t.p, PEERBUF_CAUSE_RESET);
	KUNIT_EXPECT_EQ(test, h.restored, 1);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_attachment_mapping(h.attach)->origin, PAL);
	KUNIT_EXPECT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), -EOPNOTSUPP);
	heard_detach(&h);

	m.map_error = 0;
	KUNIT_ASSERT_EQ(test, heard_attach(&late, &m, want_neighbour()), 0);
	KUNIT_EXPECT_NULL(test, dma_buf_attachment_mapping(late.attach)->origin);
	KUNIT_EXPECT_EQ(test, heard_map(&late, DMA_BIDIRECTIONAL), 0);
	heard_detach(&late);
	KUNIT_EXPECT_EQ(test, m.maps, 0);
	made_put(&m);
	peerbuf_provider_close(&t.p);
	peerbuf_provider_fini(&t.p);
}

static void a_buffer_that_is_dead_is_enodev(struct kunit *test)
{
	struct told_provider t;
	struct heard h = {};
	struct made m = {};

	told_provider_init(&t);
	KUNIT_ASSERT_EQ(test, made_pal(&m, &t.p, &one_page, 1), 0);
	peerbuf_provider_block(&t.p, PEERBUF_CAUSE_RESET);
	/* What is revoked can be attached to, and not be mapped. */
	KUNIT_ASSERT_EQ(test, heard_attach(&h, &m, want_neighbour()), 0);
	KUNIT_EXPECT_EQ(test, heard_map(&h, DMA_BIDIRECTIONAL), -ENODEV);
	heard_detach(&h);
	peerbuf_provider_close(&t.p);
	KUNIT_EXPECT_EQ(test, heard_attach(&h, &m, want_neighbour()), -ENODEV);
	made_put(&m);
	peerbuf_provider_fini(&t.p);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(each_offer_meets_each_request_by_a_single_entry),
	KUNIT_CASE(each_offer_meets_each_request_by_match_mapping),
	KUNIT_CASE(a_foreign_buffer_is_one_table),
	KUNIT_CASE(the_exporters_order_decides),
	KUNIT_CASE(each_of_many_entries_is_found),
	KUNIT_CASE(a_domain_is_preferred_to_a_table),
	KUNIT_CASE(the_importers_order_decides_within_an_entry),
	KUNIT_CASE(a_type_of_a_drivers_own_decides_and_finishes),
	KUNIT_CASE(malformed_requests_are_einval),
	KUNIT_CASE(empty_lists_match_nothing),
	KUNIT_CASE(importers_without_types_get_tables),
	KUNIT_CASE(renegotiation_is_attaching_anew),
	KUNIT_CASE(a_buffer_that_is_dead_is_enodev),
	{}
};

struct kunit_suite attach_suite = {
	.name = "peerbuf_attach",
	.suite_init = devices_get,
	.suite_exit = devices_put,
	.test_cases = cases,
};
