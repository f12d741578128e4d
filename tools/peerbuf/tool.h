/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The peerbuf command: what its files share.
 *
 * Each noun is a file with a table of its verbs. A verb builds JSON; the text output is
 * rendered from the same JSON, so the two cannot differ in content.
 */
#ifndef PEERBUF_TOOL_H
#define PEERBUF_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json_object.h>

/* Exit status */
#define EXIT_OK		0
#define EXIT_FAILED	1
#define EXIT_USAGE	2

struct tool {
	bool json;
	bool colour;		/* standard output is a terminal that wants it */
	const char *root;	/* in front of /proc, /dev, /boot and /lib; "" but in tests */
	const char *sysfs;	/* where sysfs is mounted */
	/* Of buffer export */
	const char *socket;	/* where to hand the buffer out, or NULL */
	/* Options of topo */
	const char *from;	/* a recording to read in place of this machine, or NULL */
	bool all;
	bool dot;
	bool svg;
};

/* A verb; a table ends with a NULL noun. */
struct command {
	const char *noun;
	const char *verb;	/* NULL: the noun is the whole command */
	const char *args;	/* for the help text */
	unsigned int min_args;
	unsigned int max_args;
	const char *summary;
	int (*run)(struct tool *tool, unsigned int nr_args, char **args);
};

/* An option; a table ends with a NULL name. */
struct option_row {
	const char *name;
	const char *value;	/* what stands for its value in the help; NULL: has none */
	const char *noun;	/* of the commands that know it; NULL: all */
	const char *verb;	/* of those with this noun; NULL: all */
	const char *summary;
	bool *flag;		/* set, if it has no value */
	const char **text;	/* set, if it has one */
};

/* The options, with places in @tool. */
#define MAX_OPTIONS	12
void list_options(struct tool *tool, struct option_row options[MAX_OPTIONS]);

extern const struct command device_commands[];
extern const struct command buffer_commands[];
extern const struct command map_commands[];
extern const struct command topo_commands[];
extern const struct command watch_commands[];
extern const struct command top_commands[];
extern const struct command doctor_commands[];
extern const struct command test_commands[];
extern const struct command general_commands[];

/* All tables, for help; ends with NULL. */
extern const struct command *const all_commands[];

/* --------------------------------------------------------------------- output */

/*
 * Report an error in one sentence: on standard error, or as a JSON object on standard
 * output, where with --json always exactly one document goes. Return the exit status.
 */
int fail(const struct tool *tool, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int fail_usage(const struct tool *tool, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A remark that does not keep the command from doing its work; on standard error. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Print a JSON document and drop it. */
void print_json(struct json_object *document);

/* One of several documents, in a line of its own, at once; drop it. */
void print_json_line(struct json_object *document);

/*
 * Copy text for a terminal: what is not printable, as escape sequences in somebody's name
 * for a buffer, becomes a question mark. The result ends before @size bytes, and before
 * the column @width if that is not 0. Returns the columns that it takes.
 */
int make_printable(const char *text, char *printable, size_t size, int width);

/* "\033[32m" if a word such as "live" has a colour and colours are wanted, or "". */
const char *colour_of(const struct tool *tool, const char *word);
#define COLOUR_END(colour)	(*(colour) ? "\033[0m" : "")

/* A column of a table of JSON objects. */
struct column {
	const char *key;
	const char *title;
	bool right;		/* aligned */
	/* Renders a value that is not null; NULL: as it is. */
	void (*format)(struct json_object *value, char *text, size_t size);
};

/*
 * Print an array of objects and drop it. Without --json: one line each, under titles,
 * leaving out columns that no object has; or @none if there are no objects.
 */
void print_rows(const struct tool *tool, struct json_object *rows,
		const struct column *columns, size_t nr_columns, const char *none);

/* "4K", "1G"; exact, so 1536 stays "1536" and 1.5 GiB is "1536M". */
void format_size(uint64_t bytes, char *text, size_t size);
void format_size_json(struct json_object *value, char *text, size_t size);
void format_yes_no(struct json_object *value, char *text, size_t size);

/* "16", "64K", "2M", "1G"; false if it is none, or too large. */
bool parse_size(const char *text, uint64_t *size);

/* Why a device cannot be opened or cannot export, in words. */
const char *device_reason(int err);

/* New JSON values; a NULL string is null. */
struct json_object *json_text(const char *text);
struct json_object *json_number(uint64_t number);

/* Has a module's file a signature? Unknown: it cannot be read, or what unpacks it is not here. */
enum signature { NOT_SIGNED, SIGNED, UNKNOWN_SIGNATURE };
enum signature module_signature(const char *path);

/* ---------------------------------------------------------------------- sysfs */

/* Buffers for names and paths in sysfs */
#define NAME_SIZE	64
#define PATH_SIZE	512

/* The PCI address in the form of sysfs, "0000:01:00.0"; false if @text is none. */
bool parse_bdf(const char *text, char bdf[NAME_SIZE]);

/* Its number, PEERBUF_PCI_ID(); the domain may have up to 8 digits, or be left out. */
bool parse_address(const char *text, uint64_t *id);

/* Below, a path is relative to the sysfs root and given as by printf. All return 0 or
 * a negative errno.
 */
int sysfs_exists(const struct tool *tool, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* First line of a file, without its end. */
int sysfs_read(const struct tool *tool, char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

int sysfs_write(const struct tool *tool, const char *text, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Last part of what a link points to. */
int sysfs_link(const struct tool *tool, char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Names in a directory in order, in an array to be freed by sysfs_free_names(). */
int sysfs_names(const struct tool *tool, char ***names, size_t *nr, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void sysfs_free_names(char **names, size_t nr);

/* --------------------------------------------------------------------- devices */

/* The driver that can export, and the stock one, as sysfs names them. */
#define DRIVER_PEERBUF	"vfio_pci_peerbuf"
#define DRIVER_STOCK	"vfio-pci"

int device_bind(struct tool *tool, unsigned int nr_args, char **args);
int device_unbind(struct tool *tool, unsigned int nr_args, char **args);

/*
 * VFIO refuses a group of which a host driver uses another device. Such a device's name
 * and driver go to @blocker; false if there is none.
 */
bool find_blocker(const struct tool *tool, const char *bdf, char *blocker, size_t size);

/* A file of a device with a number such as 0x1af4; 0 if it cannot be read. */
unsigned int read_id(const struct tool *tool, const char *bdf, const char *file);

/* A device's memory BARs, as an array of objects. */
struct json_object *read_bars(const struct tool *tool, const char *bdf);

/* "0:16K 2:1G" */
void format_bars(struct json_object *bars, char *text, size_t size);

/* Names from the PCI id database. */
struct names;
struct names *names_open(void);
void names_close(struct names *names);

/* "Vendor Device" in @text; false if the database does not know, or is not there. */
bool names_lookup(struct names *names, unsigned int vendor, unsigned int device,
		  char *text, size_t size);

#endif /* PEERBUF_TOOL_H */
