// SPDX-License-Identifier: MIT
// A position-independent program that finds musl's library through its loader. It prints what was
// bound to it, and whether its relocated data became read only.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int (*const relocated[])(const char *) = {puts, (int (*)(const char *))atoi};

// What /proc/self/maps says about the page of p.
static const char *rights(const void *p)
{
	static char line[256], found[5] = "none";
	unsigned long start, end;
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		char word[5];
		if (sscanf(line, "%lx-%lx %4s", &start, &end, word) == 3 &&
		    (unsigned long)p >= start && (unsigned long)p < end)
			strcpy(found, word);
	}
	if (f)
		fclose(f);
	return found;
}

int main(int argc, char **argv)
{
	relocated[0]("hello");
	for (int i = 1; i < argc; i++)
		printf("%s\n", argv[i]);
	printf("relocated data: %s\n", rights(relocated));
	return relocated[1]("5");
}
