/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CRC-32 of gzip, zlib and Ethernet. Start with 0; the result continues. */
#ifndef CRC32_H
#define CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_update(uint32_t crc, const void *data, size_t length);

#endif /* CRC32_H */
