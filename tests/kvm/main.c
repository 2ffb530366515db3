// SPDX-License-Identifier: MIT
/* vmm MIB COMMAND-LINE KERNEL [INITRD]: run a kernel on /dev/kvm until it switches itself off. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/kvm/vmm.h"

void die(const char *fmt, ...)
{
	va_list args;

	uart_flush();
	fputs("kvm: error: ", stdout);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	puts("");
	exit(1);
}

void die_errno(const char *what)
{
	die("%s: %s", what, strerror(errno));
}

struct file read_file(const char *path)
{
	struct file file = {.path = path};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die_errno(path);
	if (st.st_size <= 0)
		die("%s: empty", path);
	file.size = (size_t)st.st_size;
	file.data = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file.data == MAP_FAILED)
		die_errno(path);
	close(fd);
	return file;
}

int main(int argc, char **argv)
{
	const char *initrd = argc > 4 ? argv[4] : NULL;
	struct vm vm = {0};
	struct start start;
	struct file kernel;

	if (argc < 4 || argc > 5)
		die("usage: vmm MIB COMMAND-LINE KERNEL [INITRD]");
	memory_create(&vm, argv[1]);
	kernel = read_file(argv[3]);
	if (is_linux(&kernel))
		start = load_linux(&vm, &kernel, argv[2], initrd);
	else if (is_multiboot(&kernel) && !initrd)
		start = load_multiboot(&vm, &kernel, argv[2]);
	else
		die("%s is neither Linux' bzImage nor a multiboot ELF without modules",
		    kernel.path);
	acpi_write(&vm);
	vm_create(&vm);
	vm_start_at(&vm, &start);
	stats_open(&vm);
	printf("kvm: guest entry tsc = %llu\n", (unsigned long long)guest_tsc(&vm));
	fflush(stdout);
	vm_run(&vm);
	stats_print(&vm);
	puts("kvm: powered off");
	return 0;
}
