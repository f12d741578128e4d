/* SPDX-License-Identifier: GPL-2.0-only */
#define invalidate_mappings_member	invalidate_mappings
