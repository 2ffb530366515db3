// SPDX-License-Identifier: MIT
/* The machine that KVM makes, and the state that its CPU starts in. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "tests/kvm/vmm.h"

/* Three pages and one page that kvm_intel wants, out of the guest's way. */
#define AT_TSS                 0xfffbd000
#define AT_IDENTITY            0xfffbc000

#define CPUID_MAX              256
#define CPUID_1_ECX_HYPERVISOR (1U << 31)
#define MSR_TSC                0x10
#define MSR_MTRR_TYPE          0x2ff
#define MTRR_ON_WB             0x806
#define CR0_PE_ET              0x11
#define RFLAGS_FIXED           2
#define SEL_CODE               0x10
#define SEL_DATA               0x18

/* An ioctl that must not fail. */
static int must(int fd, unsigned long request, const char *name, void *argument)
{
	int result = ioctl(fd, request, argument);

	if (result < 0)
		die_errno(name);
	return result;
}

#define MUST(fd, request, argument) must(fd, request, #request, argument)
#define NUMBER(n)                   ((void *)(uintptr_t)(n))

void vm_create(struct vm *vm)
{
	struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	uint64_t identity = AT_IDENTITY;
	struct kvm_userspace_memory_region ram = {
		.memory_size = vm->size,
		.userspace_addr = (uintptr_t)vm->memory,
	};
	int size;

	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		die_errno("/dev/kvm");
	if (MUST(vm->kvm, KVM_GET_API_VERSION, NULL) != KVM_API_VERSION)
		die("/dev/kvm has another version than %d", KVM_API_VERSION);
	vm->vm = MUST(vm->kvm, KVM_CREATE_VM, NULL);
	MUST(vm->vm, KVM_SET_TSS_ADDR, NUMBER(AT_TSS));
	MUST(vm->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	MUST(vm->vm, KVM_CREATE_IRQCHIP, NULL);
	MUST(vm->vm, KVM_CREATE_PIT2, &pit);
	MUST(vm->vm, KVM_SET_USER_MEMORY_REGION, &ram);
	vm->cpu = MUST(vm->vm, KVM_CREATE_VCPU, NUMBER(0));
	size = MUST(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	vm->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->cpu, 0);
	if (vm->run == MAP_FAILED)
		die_errno("the CPU's shared page");
}

/* All that KVM can give the guest of the host's CPU, and KVM's own leaves. */
static void set_cpuid(struct vm *vm)
{
	static union {
		struct kvm_cpuid2 cpuid;
		char room[sizeof(struct kvm_cpuid2) + CPUID_MAX * sizeof(struct kvm_cpuid_entry2)];
	} u;

	u.cpuid.nent = CPUID_MAX;
	MUST(vm->kvm, KVM_GET_SUPPORTED_CPUID, &u.cpuid);
	/* That KVM's leaves are there is for the VMM to say. */
	for (uint32_t i = 0; i < u.cpuid.nent; i++)
		if (u.cpuid.entries[i].function == 1)
			u.cpuid.entries[i].ecx |= CPUID_1_ECX_HYPERVISOR;
	MUST(vm->cpu, KVM_SET_CPUID2, &u.cpuid);
}

static void set_msr(struct vm *vm, uint32_t msr, uint64_t value)
{
	union {
		struct kvm_msrs msrs;
		char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} u = {.msrs.nmsrs = 1};

	u.msrs.entries[0] = (struct kvm_msr_entry){.index = msr, .data = value};
	if (MUST(vm->cpu, KVM_SET_MSRS, &u.msrs) != 1)
		die("KVM_SET_MSRS: MSR %x is refused", msr);
}

uint64_t guest_tsc(const struct vm *vm)
{
	union {
		struct kvm_msrs msrs;
		char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} u = {.msrs.nmsrs = 1};

	u.msrs.entries[0].index = MSR_TSC;
	if (MUST(vm->cpu, KVM_GET_MSRS, &u.msrs) != 1)
		die("KVM_GET_MSRS: the TSC is refused");
	return u.msrs.entries[0].data;
}

static struct kvm_segment flat(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){.selector = selector,
				    .limit = 0xffffffff,
				    .type = type,
				    .present = 1,
				    .s = 1,
				    .db = 1,
				    .g = 1};
}

void vm_start_at(struct vm *vm, const struct start *start)
{
	static const uint64_t gdt[] = {0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff};
	struct kvm_regs regs = {.rip = start->eip,
				.rax = start->eax,
				.rbx = start->ebx,
				.rsi = start->esi,
				.rflags = RFLAGS_FIXED};
	struct kvm_sregs sregs;

	set_cpuid(vm);
	/*
	 * As firmware leaves it. IA32_MISC_ENABLE stays as KVM has it, with fast strings off: so it is on
	 * Bochs too, and Linux copies pages in the same way as on the bare machine.
	 */
	set_msr(vm, MSR_MTRR_TYPE, MTRR_ON_WB);
	memcpy(guest_memory(vm, AT_GDT, sizeof(gdt), "the GDT"), gdt, sizeof(gdt));
	MUST(vm->cpu, KVM_GET_SREGS, &sregs);
	sregs.cs = flat(SEL_CODE, 0xb);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat(SEL_DATA, 3);
	sregs.gdt.base = AT_GDT;
	sregs.gdt.limit = sizeof(gdt) - 1;
	sregs.cr0 = CR0_PE_ET;
	MUST(vm->cpu, KVM_SET_SREGS, &sregs);
	MUST(vm->cpu, KVM_SET_REGS, &regs);
}
