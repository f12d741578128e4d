/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few registers and structures of the NVMe base specification that the driver uses.
 * Everything in memory is little endian.
 */
#ifndef NVME_SPEC_H
#define NVME_SPEC_H

#include <stdint.h>

/* Registers: offsets in BAR 0 */
#define NVME_REG_CAP		0x00
#define NVME_REG_CC		0x14
#define NVME_REG_CSTS		0x1c
#define NVME_REG_AQA		0x24
#define NVME_REG_ASQ		0x28
#define NVME_REG_ACQ		0x30
#define NVME_REG_DOORBELLS	0x1000

#define NVME_CAP_MQES(cap)	((uint32_t)((cap) & 0xffff))		/* 0 is one entry */
#define NVME_CAP_TO(cap)	((uint32_t)((cap) >> 24 & 0xff))	/* units of 500 ms */
#define NVME_CAP_DSTRD(cap)	((uint32_t)((cap) >> 32 & 0xf))
#define NVME_CAP_NVM(cap)	((cap) >> 37 & 1)
#define NVME_CAP_MPSMIN(cap)	((uint32_t)((cap) >> 48 & 0xf))		/* 0 is 4 KiB */

#define NVME_CC_EN		(1U << 0)
#define NVME_CC_SHN_MASK	(3U << 14)
#define NVME_CC_SHN_NORMAL	(1U << 14)
#define NVME_CC_IOSQES(log)	((uint32_t)(log) << 16)
#define NVME_CC_IOCQES(log)	((uint32_t)(log) << 20)

#define NVME_CSTS_RDY		(1U << 0)
#define NVME_CSTS_CFS		(1U << 1)
#define NVME_CSTS_SHST_MASK	(3U << 2)
#define NVME_CSTS_SHST_DONE	(2U << 2)

/* The page that PRP entries count in; CC.MPS is left 0 */
#define NVME_PAGE		4096U

enum nvme_admin_opcode {
	NVME_ADMIN_CREATE_SQ	= 0x01,
	NVME_ADMIN_CREATE_CQ	= 0x05,
	NVME_ADMIN_IDENTIFY	= 0x06,
	NVME_ADMIN_SET_FEATURES	= 0x09,
};

#define NVME_IO_READ		0x02

#define NVME_FEATURE_NR_QUEUES	0x07
#define NVME_CNS_NAMESPACE	0
#define NVME_CNS_CONTROLLER	1
#define NVME_QUEUE_CONTIGUOUS	(1U << 0)

struct nvme_command {
	uint8_t opcode;
	uint8_t flags;
	uint16_t id;
	uint32_t nsid;
	uint32_t cdw2;
	uint32_t cdw3;
	uint64_t metadata;
	uint64_t prp1;
	uint64_t prp2;
	uint32_t cdw10;
	uint32_t cdw11;
	uint32_t cdw12;
	uint32_t cdw13;
	uint32_t cdw14;
	uint32_t cdw15;
};

struct nvme_completion {
	uint32_t result;
	uint32_t reserved;
	uint16_t sq_head;
	uint16_t sq_id;
	uint16_t id;
	uint16_t status;	/* bit 0 is the phase */
};

_Static_assert(sizeof(struct nvme_command) == 64, "a submission entry has 64 bytes");
_Static_assert(sizeof(struct nvme_completion) == 16, "a completion entry has 16 bytes");

#define NVME_SQ_ENTRY_LOG	6
#define NVME_CQ_ENTRY_LOG	4

/* Identify data: offsets */
#define NVME_IDCTRL_SERIAL	4
#define NVME_IDCTRL_MODEL	24
#define NVME_IDCTRL_MDTS	77
#define NVME_IDNS_NSZE		0
#define NVME_IDNS_FLBAS		26
#define NVME_IDNS_LBAF		128

#endif /* NVME_SPEC_H */
