// SPDX-License-Identifier: MIT
/*
 * step N: one of the programs of a build, as far as memory is concerned. It maps its libraries, reads a
 * file, works in half a MiB, writes a file, and starts the next: step N-1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 524288UL
#define KEPT 16384UL

int main(int argc, char **argv)
{
	int left = argc > 1 ? atoi(argv[1]) : 0, status = 0, fd;
	static unsigned char work[SIZE], back[KEPT];
	char name[32], number[16];
	pid_t pid;

	for (unsigned long i = 0; i < SIZE; i++)
		work[i] = (unsigned char)(i * 7 + (unsigned long)left);
	snprintf(name, sizeof(name), "/tmp/object-%d", left);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, work, KEPT) != (ssize_t)KEPT ||
	    pread(fd, back, KEPT, 0) != (ssize_t)KEPT || memcmp(work, back, KEPT) || unlink(name))
		return 2;
	close(fd);
	if (sqrt((double)(left * left)) != (double)left)
		return 3;
	if (!left)
		return 0;
	snprintf(number, sizeof(number), "%d", left - 1);
	errno = posix_spawn(&pid, argv[0], NULL, NULL, (char *[]){argv[0], number, NULL}, environ);
	if (errno || waitpid(pid, &status, 0) != pid)
		return 4;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 5;
}
