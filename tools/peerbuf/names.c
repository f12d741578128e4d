// SPDX-License-Identifier: GPL-2.0-or-later
/* Names from the PCI id database, through libpci. */
#include <pci/pci.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool.h"

struct names {
	struct pci_access *access;
};

static void be_silent(char *format, ...)
{
	(void)format;
}

/* libpci does not expect this one to return; only lack of memory leads here. */
static __attribute__((noreturn)) void give_up(char *format, ...)
{
	(void)format;
	fputs("peerbuf: the PCI id database cannot be read: out of memory\n", stderr);
	exit(EXIT_FAILED);
}

struct names *names_open(void)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	/*
	 * Not pci_init(), which looks for devices and ends the program if it finds no
	 * way to; so what it would fill in has to be done here.
	 */
	names->access = pci_alloc();
	if (!names->access) {
		free(names);
		return NULL;
	}
	names->access->error = give_up;
	names->access->warning = be_silent;
	names->access->debug = be_silent;
	return names;
}

void names_close(struct names *names)
{
	if (!names)
		return;
	pci_cleanup(names->access);
	free(names);
}

bool names_lookup(struct names *names, unsigned int vendor, unsigned int device,
		  char *text, size_t size)
{
	/* Without numbers instead of names: NULL tells that there is no name. */
	return names && pci_lookup_name(names->access, text, (int)size,
					PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE |
					PCI_LOOKUP_NO_NUMBERS, vendor, device) != NULL;
}
