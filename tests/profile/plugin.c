// SPDX-License-Identifier: MIT
/*
 * A plugin for QEMU's TCG that counts how often each block of the hypervisor's code is executed: at QEMU's end a line
 * for each in the file out=, with its address, its instructions, and how often it was begun.
 *
 * Debian has no package with qemu-plugin.h: what is used of it is declared here, as QEMU's documentation of TCG plugins
 * has it (docs/devel/tcg-plugins). VERSION: of the interface, which QEMU checks.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
enum { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*cb)(unsigned int cpu, void *block), int flags,
					  void *block);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void *),
				    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

#ifndef VERSION
#define VERSION 1
#endif

EXPORT int qemu_plugin_version = VERSION;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

/* Where linker.ld has the image. */
#define START 0xffffffff80200000
#define END   0xffffffff80400000

struct block {
	uint64_t address, insns, times;
	struct block *next;
};

static struct block *blocks;
static const char *out;

static void executed(unsigned int cpu, void *block)
{
	(void)cpu;
	((struct block *)block)->times++;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	struct block *block;

	(void)id;
	if (address < START || address >= END)
		return;
	block = malloc(sizeof(*block));
	if (!block)
		abort();
	*block = (struct block){.address = address, .insns = qemu_plugin_tb_n_insns(tb)};
	block->next = blocks;
	blocks = block;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, QEMU_PLUGIN_CB_NO_REGS, block);
}

static void ended(qemu_plugin_id_t id, void *data)
{
	FILE *file = fopen(out, "w");

	(void)id, (void)data;
	if (!file)
		return;
	for (const struct block *b = blocks; b; b = b->next)
		fprintf(file, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", b->address, b->insns,
			b->times);
	fclose(file);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return -1;
	out = strdup(argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
