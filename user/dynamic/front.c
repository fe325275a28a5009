// SPDX-License-Identifier: MIT
// Preloaded, it stands in front of the library's puts().

#include <string.h>
#include <unistd.h>

int puts(const char *s)
{
	write(1, "in front: ", 10);
	write(1, s, strlen(s));
	return (int)write(1, "\n", 1);
}
