/* SPDX-License-Identifier: MIT */
/* Crashes on purpose, in builds for the tests of the crash record. */
#ifndef BOOT_SELFCRASH_H
#define BOOT_SELFCRASH_H

/* Does what SELFCRASH names (boot/selfcrash.c); nothing where it is not defined. */
void selfcrash(void);

#endif
