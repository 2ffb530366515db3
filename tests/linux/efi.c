// SPDX-License-Identifier: MIT
/*
 * What Linux has of EFI firmware: its runtime services are called, by way of variables. The initramfs
 * may hold the kernel's modules for it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/fs.h>

#include "tests/linux/init.h"
#include "tests/linux/selfcheck.h"

#define VARIABLES "/sys/firmware/efi/efivars"
#define OURS      VARIABLES "/Notrap-c8b0ab16-9d0e-4ba4-8d5e-5d5d1ab15c1e"

static bool load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && !syscall(SYS_finit_module, fd, "", 0);

	if (fd >= 0)
		close(fd);
	return ok;
}

static unsigned int count_variables(void)
{
	DIR *dir = opendir(VARIABLES);
	unsigned int n = 0;

	for (struct dirent *e; dir && (e = readdir(dir));)
		n += e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

/* One write of the attributes (kept over a restart, for boot and runtime) and the value. */
static bool write_variable(const char *value)
{
	char data[64] = {7};
	size_t size = 4 + strlen(value);
	int fd = open(OURS, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	bool ok;

	strcpy(data + 4, value);
	ok = fd >= 0 && write(fd, data, size) == (ssize_t)size;
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool variable_is(const char *value)
{
	char data[64] = {0};
	int fd = open(OURS, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, data, sizeof(data) - 1);

	if (fd >= 0)
		close(fd);
	return got == 4 + (ssize_t)strlen(value) && !strcmp(data + 4, value);
}

/* Linux makes the file of a variable that it does not know immutable. */
static bool make_mutable(void)
{
	int fd = open(OURS, O_RDONLY | O_CLOEXEC), flags = 0;
	bool ok = fd >= 0 && !ioctl(fd, FS_IOC_SETFLAGS, &flags);

	if (fd >= 0)
		close(fd);
	return ok;
}

bool check_efi(void)
{
	if (access("/sys/firmware/efi", F_OK) || access("/efivarfs.ko", F_OK))
		return true;
	if (!load_module("/efivarfs.ko") || mount("none", VARIABLES, "efivarfs", 0, NULL))
		return wrong("efivarfs");
	say("efi variables = %u", count_variables());
	if (!write_variable("one") || !variable_is("one") || !make_mutable() ||
	    !write_variable("second") || !variable_is("second") || unlink(OURS) ||
	    !access(OURS, F_OK))
		return wrong("a variable");
	say("efi variable written, read, removed");
	if (!load_module("/efi-pstore.ko"))
		return wrong("efi_pstore");
	say_file("pstore", "/sys/module/pstore/parameters/backend");
	return true;
}
