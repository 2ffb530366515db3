// SPDX-License-Identifier: MIT
/* What the first processes of the test initramfs images have in common. */
#include "tests/linux/init.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

void say(const char *fmt, ...)
{
	char line[256];
	va_list args;
	size_t len = (size_t)snprintf(line, sizeof(line), "%s: ", init_name);

	va_start(args, fmt);
	len += (size_t)vsnprintf(line + len, sizeof(line) - len - 1, fmt, args);
	va_end(args);
	if (len > sizeof(line) - 1)
		len = sizeof(line) - 1;
	line[len++] = '\n';
	if (write(1, line, len) < 0)
		_exit(1);
}

bool wrong(const char *what)
{
	say("wrong: %s (last error: %s)", what, strerror(errno));
	return false;
}

const char *read_file(const char *path)
{
	static char text[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	while (fd >= 0 && (got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	if (fd >= 0)
		close(fd);
	text[len] = 0;
	return text;
}

void mount_all(void)
{
	mkdir("/dev", 0755);
	mount("none", "/dev", "devtmpfs", 0, NULL);
	if (mount("none", "/proc", "proc", 0, NULL) || mount("none", "/sys", "sysfs", 0, NULL))
		wrong("mount of /proc and /sys");
}

void end_machine(int how)
{
	tcdrain(1);
	reboot(how);
}
