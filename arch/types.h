/* SPDX-License-Identifier: MIT */
/* Fixed-width names and the few macros that every room uses. */
#ifndef ARCH_TYPES_H
#define ARCH_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define BIT(n)                 (1ULL << (n))
#define GENMASK(hi, lo)        ((~0ULL >> (63 - (hi))) & (~0ULL << (lo)))
#define ARRAY_SIZE(a)          (sizeof(a) / sizeof((a)[0]))
#define ALIGN_DOWN(x, a)       ((x) & ~((u64)(a)-1))
#define ALIGN_UP(x, a)         ALIGN_DOWN((x) + (u64)(a)-1, a)
#define KIB(n)                 ((u64)(n) << 10)
#define MIB(n)                 ((u64)(n) << 20)
#define GIB(n)                 ((u64)(n) << 30)

#define PAGE_SHIFT             12
#define PAGE_SIZE              4096ULL

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ALWAYS_INLINE          inline __attribute__((always_inline))
#define NORETURN               __attribute__((noreturn))
#define likely(x)              __builtin_expect(!!(x), 1)
#define unlikely(x)            __builtin_expect(!!(x), 0)

#endif
