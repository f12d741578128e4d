// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peerbuf watch: what happens to buffers, as it happens, from the modules' tracepoints.
 *
 * They are enabled in an instance of their own, so that nobody else's tracing is disturbed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event-parse.h>
#include <trace-seq.h>
#include <tracefs.h>

#include "buffers.h"

#define INSTANCE	"peerbuf-watch-"

/* What people want to see; negotiation and routes are for who looks for something. */
static const char *const usual[] = {
	"peerbuf_attach", "peerbuf_detach", "peerbuf_map", "peerbuf_unmap", "peerbuf_revoke",
	"peerbuf_restore", "peerbuf_state", "peerbuf_wait",
};

struct watch {
	struct tool *tool;
	struct tracefs_instance *instance;
	struct tep_handle *tep;
	uint64_t monotonic_to_real;	/* ns */
	struct trace_seq text;
};

/* "buffer=3 live -> revoking" is the one that is not made of key=value words. */
static void parse_event(char *text, struct json_object *document)
{
	unsigned long long buffer;
	char from[16], to[16];

	if (sscanf(text, "buffer=%llu %15s -> %15s", &buffer, from, to) == 3) {
		json_object_object_add(document, "buffer", json_number(buffer));
		json_object_object_add(document, "from", json_text(from));
		json_object_object_add(document, "state", json_text(to));
		return;
	}
	parse_words(text, document);
}

static void print_time(uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000u);
	char text[32];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	printf("%s.%06" PRIu64, text, ns % 1000000000u / 1000);
}

/* One that has ended in the meantime is in what the kernel has noted down beside its events. */
static void past_process_name(pid_t pid, char *name, size_t size)
{
	char *noted = tracefs_instance_file_read(NULL, "saved_cmdlines", NULL);
	char *line, *rest = NULL, *end;

	for (line = noted ? strtok_r(noted, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest))
		if (strtol(line, &end, 10) == pid && *end == ' ')
			make_printable(end + 1, name, size, 0);
	free(noted);
}

static void print_event(struct watch *w, const char *name, uint64_t ns, int pid, char *text)
{
	const char *colour = "", *state = strstr(text, "-> ");
	struct json_object *document;
	char comm[NAME_SIZE];

	process_name(w->tool, pid, comm, sizeof(comm));
	if (!strcmp(comm, "?"))
		past_process_name(pid, comm, sizeof(comm));
	if (!w->tool->json) {
		if (state)
			colour = colour_of(w->tool, state + 3);
		print_time(ns);
		printf("  %-8s  %s%s%s  (%s, %d)\n", name, colour, text, COLOUR_END(colour),
		       comm, pid);
		fflush(stdout);
		return;
	}
	document = json_object_new_object();
	json_object_object_add(document, "time_ns", json_number(ns));
	json_object_object_add(document, "event", json_text(name));
	json_object_object_add(document, "pid", json_object_new_int(pid));
	json_object_object_add(document, "comm", json_text(comm));
	parse_event(text, document);
	print_json_line(document);
}

static int see_event(struct tep_event *event, struct tep_record *record, int cpu, void *context)
{
	struct watch *w = context;
	const char *name = event->name;
	char text[512];

	(void)cpu;
	trace_seq_reset(&w->text);
	tep_print_event(w->tep, &w->text, record, "%s", TEP_PRINT_INFO);
	trace_seq_terminate(&w->text);
	make_printable(w->text.buffer, text, sizeof(text), 0);
	if (!strncmp(name, "peerbuf_", 8))
		name += 8;
	print_event(w, name, record->ts + w->monotonic_to_real, tep_data_pid(w->tep, record),
		    text);
	return 0;
}

/* Of one that was killed. Another one that runs must keep its own. */
static void remove_left_over(void)
{
	char *directory = tracefs_get_tracing_file("instances");
	struct dirent *entry;
	DIR *instances = directory ? opendir(directory) : NULL;

	while (instances && (entry = readdir(instances))) {
		pid_t pid = !strncmp(entry->d_name, INSTANCE, strlen(INSTANCE)) ?
			    atoi(entry->d_name + strlen(INSTANCE)) : 0;

		if (pid > 0 && kill(pid, 0) && errno == ESRCH)
			unlinkat(dirfd(instances), entry->d_name, AT_REMOVEDIR);
	}
	if (instances)
		closedir(instances);
	tracefs_put_tracing_file(directory);
}

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * The formats of our events, and nothing else: tracefs_local_events_system() would read all of the
 * kernel's symbols, too, which takes longer than anybody wants to wait.
 */
static bool read_formats(struct watch *w)
{
	char **events = tracefs_system_events(NULL, "peerbuf");
	bool good = events;
	char *text;
	int size;
	size_t i;

	w->tep = tep_alloc();
	text = tracefs_instance_file_read(NULL, "events/header_page", &size);
	good = good && w->tep && text &&
	       !tep_parse_header_page(w->tep, text, (unsigned long)size, sizeof(long));
	free(text);
	for (i = 0; good && events[i]; i++) {
		text = tracefs_event_file_read(NULL, "peerbuf", events[i], "format", &size);
		good = text && !tep_parse_event(w->tep, text, (unsigned long)size, "peerbuf");
		free(text);
	}
	tracefs_list_free(events);
	return good;
}

static int start(struct watch *w)
{
	char name[NAME_SIZE];
	size_t i;

	if (!tracefs_tracing_dir())
		return fail(w->tool, "tracefs is not there for this user; as root: mount -t tracefs tracefs /sys/kernel/tracing");
	if (access(tracefs_tracing_dir(), R_OK | W_OK | X_OK))
		return fail(w->tool, "only root may watch");
	if (!read_formats(w))
		return fail(w->tool, "there is nothing to watch: peerbuf_core is not loaded; try: modprobe peerbuf_core");
	remove_left_over();
	snprintf(name, sizeof(name), INSTANCE "%d", getpid());
	w->instance = tracefs_instance_create(name);
	if (!w->instance)
		return fail(w->tool, "tracing cannot be started: %s", strerror(errno));
	if (tracefs_instance_file_write(w->instance, "trace_clock", "mono") < 0)
		return fail(w->tool, "the clock of the trace cannot be chosen: %s",
			    strerror(errno));
	w->monotonic_to_real = nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_MONOTONIC);
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (tracefs_event_enable(w->instance, "peerbuf", usual[i]))
			return fail(w->tool, "the event %s cannot be enabled: %s", usual[i],
				    strerror(errno));
	return EXIT_OK;
}

static int follow(struct watch *w, uint64_t seconds)
{
	uint64_t end = nanoseconds(CLOCK_MONOTONIC) + seconds * 1000000000u;

	while (!seconds || nanoseconds(CLOCK_MONOTONIC) < end) {
		if (stay_for_ms(100))
			break;
		tracefs_iterate_raw_events(w->tep, w->instance, NULL, 0, see_event, w);
	}
	return EXIT_OK;
}

static int watch(struct tool *tool, unsigned int nr_args, char **args)
{
	struct watch w = { .tool = tool };
	uint64_t seconds = 0;
	int status;

	if (nr_args && (!parse_size(args[0], &seconds) || !seconds || seconds > 86400))
		return fail_usage(tool, "\"%s\" is not a number of seconds, 1 to 86400", args[0]);
	/* The libraries would write their own complaints. */
	tracefs_set_loglevel(TEP_LOG_NONE);
	tep_set_loglevel(TEP_LOG_NONE);
	if (stay_begin())
		return fail(tool, "signals cannot be waited for: %s", strerror(errno));
	trace_seq_init(&w.text);
	status = start(&w);
	if (!status) {
		if (!tool->json) {
			puts("Watching; the end is Control-C.");
			fflush(stdout);
		}
		status = follow(&w, seconds);
	}
	trace_seq_destroy(&w.text);
	if (w.instance) {
		tracefs_instance_destroy(w.instance);
		tracefs_instance_free(w.instance);
	}
	tep_free(w.tep);
	return status;
}

const struct command watch_commands[] = {
	{ "watch", NULL, "[SECONDS]", 0, 1,
	  "show what happens to buffers, as it happens", watch },
	{ NULL, NULL, NULL, 0, 0, NULL, NULL },
};
