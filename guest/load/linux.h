/* SPDX-License-Identifier: MIT */
/* Linux's boot_params ("zero page"), as far as notrap fills it: Documentation/x86/boot.rst and
 * zero-page.rst. */
#ifndef GUEST_LOAD_LINUX_H
#define GUEST_LOAD_LINUX_H

#include "guest/load/parts.h"

#define LINUX_HDRS             0x53726448 /* "HdrS" */
#define LINUX_BOOT_FLAG        0xaa55
#define LINUX_PROTOCOL_MIN     0x020a /* pref_address, init_size */
#define LINUX_PROTOCOL_XLF     0x020c /* xloadflags */
#define LINUX_LOADED_HIGH      BIT(0)
#define LINUX_KEEP_SEGMENTS    BIT(6)
#define LINUX_PARAGRAPH        16ULL /* syssize counts these */
#define LINUX_XLF_KERNEL_64    BIT(0)
#define LINUX_XLF_ABOVE_4G     BIT(1)
#define LINUX_LOADER_UNKNOWN   0xff
#define LINUX_VGA_NORMAL       0xffff
#define LINUX_SETUP_E820_EXT   1
#define LINUX_E820_MAX         128
#define LINUX_FIXED_LOAD       MIB(1) /* of kernels that are not relocatable */
#define LINUX_ENTRY_64         0x200
#define LINUX_VIDEO_TEXT       0x01
#define LINUX_VIDEO_VLFB       0x23
#define LINUX_VIDEO_EFI        0x70
#define LINUX_VIDEO_64BIT_BASE BIT(1)

#define PACKED                 __attribute__((packed))

/* At 0x1f1 in the file and in boot_params. */
struct linux_setup_header {
	u8 setup_sects;
	u16 root_flags;
	u32 syssize; /* in units of 16 bytes */
	u16 ram_size, vid_mode, root_dev, boot_flag;
	u8 jump, jump_length; /* the header ends this many bytes after `magic` begins */
	u32 magic;
	u16 version;
	u32 realmode_swtch;
	u16 start_sys_seg, kernel_version;
	u8 type_of_loader, loadflags;
	u16 setup_move_size;
	u32 code32_start, ramdisk_image, ramdisk_size, bootsect_kludge;
	u16 heap_end_ptr;
	u8 ext_loader_ver, ext_loader_type;
	u32 cmd_line_ptr, initrd_addr_max, kernel_alignment;
	u8 relocatable_kernel, min_alignment;
	u16 xloadflags;
	u32 cmdline_size, hardware_subarch;
	u64 hardware_subarch_data;
	u32 payload_offset, payload_length;
	u64 setup_data, pref_address;
	u32 init_size, handover_offset, kernel_info_offset;
} PACKED;

struct linux_screen_info {
	u8 orig_x, orig_y;
	u16 ext_mem_k, orig_video_page;
	u8 orig_video_mode, orig_video_cols, flags, unused2;
	u16 orig_video_ega_bx, unused3;
	u8 orig_video_lines, orig_video_isvga;
	u16 orig_video_points, lfb_width, lfb_height, lfb_depth;
	u32 lfb_base, lfb_size;
	u16 cl_magic, cl_offset, lfb_linelength;
	u8 red_size, red_pos, green_size, green_pos, blue_size, blue_pos, rsvd_size, rsvd_pos;
	u16 vesapm_seg, vesapm_off, pages, vesa_attributes;
	u32 capabilities, ext_lfb_base;
	u8 reserved[2];
} PACKED;

/* Where there are the system table and the memory map of EFI firmware. */
struct linux_efi_info {
	char signature[4]; /* "EL64" or "EL32": the firmware's width */
	u32 systab, desc_size, desc_version, map, map_size, systab_high, map_high;
} PACKED;

struct linux_e820_entry {
	u64 addr, size;
	u32 type;
} PACKED;

struct linux_boot_params {
	struct linux_screen_info screen;
	u8 pad1[0x70 - 0x40];
	u64 acpi_rsdp_addr;
	u8 pad2[0xc0 - 0x78];
	u32 ext_ramdisk_image, ext_ramdisk_size, ext_cmd_line_ptr;
	u8 pad3[0x1c0 - 0xcc];
	struct linux_efi_info efi;
	u8 pad4[0x1e8 - 0x1e0];
	u8 e820_entries;
	u8 pad5[0x1f1 - 0x1e9];
	struct linux_setup_header hdr;
	u8 pad6[0x2d0 - 0x26c];
	struct linux_e820_entry e820[LINUX_E820_MAX];
	u8 pad7[0x1000 - 0xcd0];
} PACKED;

struct linux_setup_data {
	u64 next;
	u32 type, len;
} PACKED;

_Static_assert(sizeof(struct linux_screen_info) == 0x40, "screen_info's size");
_Static_assert(offsetof(struct linux_screen_info, ext_lfb_base) == 0x3a, "screen_info's layout");
_Static_assert(offsetof(struct linux_boot_params, efi) == 0x1c0, "efi_info's place");
_Static_assert(offsetof(struct linux_boot_params, hdr.magic) == 0x202, "setup header's layout");
_Static_assert(offsetof(struct linux_boot_params, hdr.init_size) == 0x260, "setup header's layout");
_Static_assert(offsetof(struct linux_boot_params, e820) == 0x2d0, "boot_params' layout");
_Static_assert(sizeof(struct linux_boot_params) == 0x1000, "boot_params' size");

/* A bzImage that was checked, and where its pieces go. */
struct linux_kernel {
	struct linux_setup_header hdr;
	u64 header_end;           /* in the file, bytes */
	u64 offset, size;         /* the protected-mode part in the file, bytes */
	u64 at;                   /* where it is loaded, physical */
	bool entry64;             /* by the 64-bit protocol */
	u64 rsdp;                 /* where the guest finds ACPI's RSDP; 0: it has to look itself */
	struct memmap_range copy; /* the page that the RSDP was copied to; empty if none */
};

/*
 * Lay out boot_params and everything it points to, the GDT and the identity tables in a block of
 * guest data, and set the start state. The measuring pass (load_put()) writes nothing.
 */
void linux_params(const struct load *l, const struct linux_kernel *k, struct load_block *b,
		  struct guest_start *out);

#endif
