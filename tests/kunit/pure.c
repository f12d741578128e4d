// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pure files once more, for the suites: their functions are no symbols of peerbuf_core's.
 * What they tell of negotiations goes to tried.c.
 */
#include "../../kernel/core/pure.h"

#undef EXPORT_SYMBOL_GPL
#define EXPORT_SYMBOL_GPL(sym)	static_assert(sizeof(typeof(sym) *))

#include "../../kernel/core/match.c"
#include "../../kernel/core/offer.c"
#include "../../kernel/core/range.c"
#include "../../kernel/core/state.c"
#include "../../kernel/p2p/route.c"
#include "../../kernel/p2p/override.c"
#include "../../kernel/vfio/iova.c"
