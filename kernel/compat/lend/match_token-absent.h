/* SPDX-License-Identifier: GPL-2.0-only */
#define PEERBUF_VFIO_MATCH_TOKEN
