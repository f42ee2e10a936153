// SPDX-License-Identifier: BSD-2-Clause
/* For each object, by libbpf: does each of its programs load, and attach? As JSON.
 *
 * Each program is loaded in an object of its own, without its neighbours. What libbpf leaves to the
 * loader, it says by EOPNOTSUPP: that was not seen. So is a section that this libbpf does not know. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char said[65536];
static size_t length;

static int note(enum libbpf_print_level level, const char *format, va_list values)
{
	char line[4096];
	int size = vsnprintf(line, sizeof(line), format, values);

	if (level == LIBBPF_DEBUG || size < 0)
		return 0;
	for (char *each = line; *each && length < sizeof(said) - 1; each++)
		said[length++] = *each < ' ' || *each == '"' || *each == '\\' ? ' ' : *each;
	said[length] = 0;
	return 0;
}

static void forget(void)
{
	length = 0;
	said[0] = 0;
}

static void show(const char *name, const char *load, const char *attach)
{
	const char *end = length > 300 ? said + length - 300 : said;

	printf("\"%s\": {\"stages\": {\"load\": %s, \"attach\": %s}, \"output\": \"%s\"}", name, load,
	       attach, end);
}

static const char *attached(struct bpf_program *program)
{
	struct bpf_link *link = bpf_program__attach(program);

	if (!link)
		return errno == EOPNOTSUPP ? "null" : "false";
	bpf_link__destroy(link);
	return "true";
}

/* The object, of which the program of this number alone is loaded. */
static struct bpf_object *opened(const char *path, int wanted, struct bpf_program **chosen)
{
	struct bpf_object *object = bpf_object__open(path);
	struct bpf_program *program;
	int number = 0;

	*chosen = NULL;
	if (object)
		bpf_object__for_each_program(program, object) {
			bpf_program__set_autoload(program, number == wanted);
			*chosen = number++ == wanted ? program : *chosen;
		}
	return object;
}

/* Before Linux 5.11 a user's limit of memory may still be taken by what was loaded before: once
 * anything was, what is not permitted is tried again. */
static int loaded(struct bpf_object **object, struct bpf_program **chosen, const char *path,
		  int wanted)
{
	static int any;
	int error = bpf_object__load(*object);

	for (int again = 0; any && error == -EPERM && again < 5; again++) {
		usleep(100000);
		bpf_object__close(*object);
		*object = opened(path, wanted, chosen);
		error = bpf_object__load(*object);
	}
	any |= !error;
	return !error;
}

/* Load only the program of this number; whether there is one. */
static int try(const char *path, int wanted)
{
	struct bpf_program *chosen;
	struct bpf_object *object = opened(path, wanted, &chosen);
	int there = chosen != NULL;

	if (!object && !wanted)
		show("*", "false", "null"); /* none of its programs */
	if (there) {
		int known = bpf_program__type(chosen) != BPF_PROG_TYPE_UNSPEC;
		int loads = loaded(&object, &chosen, path, wanted);

		printf(wanted ? ",\n  " : "  ");
		show(bpf_program__name(chosen), loads ? "true" : known ? "false" : "null",
		     loads ? attached(chosen) : "null");
		if (loads)
			bpf_object__unpin_maps(object, NULL);
	}
	bpf_object__close(object);
	return there;
}

int main(int count, char **paths)
{
	libbpf_set_print(note);
	printf("{\n");
	for (int each = 1; each < count; each++) {
		printf("%s \"%s\": {\n", each > 1 ? ",\n" : "", basename(strdup(paths[each])));
		for (int number = 0; try(paths[each], number); number++)
			forget();
		forget();
		printf("\n }");
	}
	printf("\n}\n");
	return 0;
}
