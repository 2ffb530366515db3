// SPDX-License-Identifier: MIT
/*
 * The first process of an initramfs whose machine has a disk and a network card: both are kept busy in
 * turn, and all that comes back is compared; then the machine is powered off.
 *
 * The disk is overwritten. The network is QEMU's own, whose TFTP server has the file "traffic" with
 * byte(i) at offset i. traffic=N on the kernel's command line: so many rounds at least; and for
 * traffic_seconds=S.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tests/linux/init.h"

#define BLOCK         65536
#define BLOCKS        16
#define FILE_SIZE     262144
#define SERVER        0x0a000202 /* 10.0.2.2 */
#define OWN           0x0a00020f
#define TFTP_PORT     69
#define TFTP_DATA     3
#define TFTP_ACK      4
#define TFTP_BLOCK    512
#define SECONDS_ALIVE 20

static unsigned int disk_transfers, net_transfers;

const char init_name[] = "traffic";

static uint8_t byte(unsigned int i)
{
	return (uint8_t)(i * 7 + i / 256);
}

/* Every module in /modules, in any order: one that lacks another is tried again. */
static void load_modules(void)
{
	bool more = true;

	while (more) {
		DIR *dir = opendir("/modules");
		struct dirent *entry;

		more = false;
		while (dir && (entry = readdir(dir))) {
			char path[300];
			int fd;

			snprintf(path, sizeof(path), "/modules/%s", entry->d_name);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd >= 0 && entry->d_name[0] != '.' &&
			    !syscall(SYS_finit_module, fd, "", 0))
				more = true;
			if (fd >= 0)
				close(fd);
		}
		if (dir)
			closedir(dir);
	}
}

/* A disk's or a driver's name comes some time after its driver. */
static int open_disk(void)
{
	static const char *const names[] = {"/dev/nvme0n1", "/dev/vda", "/dev/sda"};

	for (int turn = 0; turn < SECONDS_ALIVE * 10; turn++) {
		for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			int fd = open(names[i], O_RDWR | O_DIRECT | O_CLOEXEC);

			if (fd >= 0) {
				say("disk %s", names[i]);
				return fd;
			}
		}
		usleep(100000);
	}
	return -1;
}

static int open_network(void)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(OWN)}};
	struct timeval limit = {SECONDS_ALIVE, 0};
	struct ifreq req = {.ifr_name = "eth0"};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(&req.ifr_addr, &own, sizeof(own));
	if (fd < 0 || ioctl(fd, SIOCSIFADDR, &req))
		return -1;
	req.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &req) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		return -1;
	/* The link is up a while later. */
	sleep(4);
	return fd;
}

static bool use_disk(int fd, uint32_t *buffer, unsigned int round)
{
	for (unsigned int b = 0; b < BLOCKS; b++) {
		for (unsigned int i = 0; i < BLOCK / 4; i++)
			buffer[i] = round << 20 ^ b << 16 ^ i;
		if (pwrite(fd, buffer, BLOCK, (off_t)b * BLOCK) != BLOCK)
			return wrong("a write to the disk");
	}
	for (unsigned int b = 0; b < BLOCKS; b++) {
		memset(buffer, 0, BLOCK);
		if (pread(fd, buffer, BLOCK, (off_t)b * BLOCK) != BLOCK)
			return wrong("a read of the disk");
		for (unsigned int i = 0; i < BLOCK / 4; i++)
			if (buffer[i] != (round << 20 ^ b << 16 ^ i))
				return wrong("what was read of the disk");
	}
	disk_transfers += 2 * BLOCKS;
	return true;
}

/* TFTP, RFC 1350: a read request, then each block is acknowledged. */
static bool use_network(int fd)
{
	static const char request[] = "\0\1traffic\0octet";
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr = {htonl(SERVER)}, .sin_port = htons(TFTP_PORT)};
	uint8_t packet[4 + TFTP_BLOCK], ack[4] = {0, TFTP_ACK};
	unsigned int at = 0;

	if (sendto(fd, request, sizeof(request), 0, (void *)&to, sizeof(to)) < 0)
		return wrong("a request on the network");
	for (unsigned int block = 1;; block++) {
		socklen_t size = sizeof(to);
		ssize_t got = recvfrom(fd, packet, sizeof(packet), 0, (void *)&to, &size);

		if (got < 4 || packet[1] != TFTP_DATA ||
		    (packet[2] << 8 | packet[3]) != (int)(block & 0xffff))
			return wrong("an answer of the network");
		for (ssize_t i = 4; i < got; i++, at++)
			if (packet[i] != byte(at))
				return wrong("what came over the network");
		memcpy(ack + 2, packet + 2, 2);
		if (sendto(fd, ack, sizeof(ack), 0, (void *)&to, sizeof(to)) < 0)
			return wrong("an acknowledgement on the network");
		net_transfers++;
		if (got < (ssize_t)sizeof(packet))
			break;
	}
	return at == FILE_SIZE || wrong("the size of what came over the network");
}

/* A number on the kernel's command line, 0 when it is not there. */
static unsigned int option(const char *name)
{
	const char *at = strstr(read_file("/proc/cmdline"), name);

	return at ? (unsigned int)strtoul(at + strlen(name), NULL, 10) : 0;
}

/* Time on the CPU in this process, nanoseconds: what waits for a device is not in it. */
static unsigned long long busy(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ULL + (unsigned long long)t.tv_nsec;
}

static bool run(void)
{
	unsigned int n = option("traffic="), seconds = option("traffic_seconds="), round;
	time_t end;
	uint32_t *buffer;
	uint64_t start;
	unsigned long long was_busy, least = ~0ULL;
	int disk, net;

	load_modules();
	disk = open_disk();
	net = open_network();
	if (disk < 0 || net < 0)
		return wrong(disk < 0 ? "no disk" : "no network card");
	if (posix_memalign((void **)&buffer, 4096, BLOCK))
		return wrong("no memory");
	start = rdtsc();
	end = time(NULL) + (time_t)seconds;
	for (round = 0; round < n || time(NULL) < end; round++) {
		was_busy = busy();
		if (!use_disk(disk, buffer, round) || !use_network(net))
			return false;
		/* A host with other work to do lets some rounds wait, and none be faster. */
		if (busy() - was_busy < least)
			least = busy() - was_busy;
		if ((round & (round - 1)) == 0)
			say("round %u", round);
	}
	say("rounds=%u disk=%u net=%u ticks=%llu busy=%llu", round, disk_transfers, net_transfers,
	    (unsigned long long)(rdtsc() - start), least);
	return true;
}

int main(void)
{
	mount_all();
	say("%s", run() ? "pass" : "fail");
	end_machine(RB_POWER_OFF);
	return 1;
}
