/* cpu.h - which row of kernels this machine gets.
 *
 * The level is found once, at the first call; CAIRN_CPU=scalar|avx2|avx512 pins a lower one (a
 * level the CPU or the operating system lacks is never returned, even when asked for). AVX2 means
 * AVX2 + FMA + F16C; AVX512 means F, BW, DQ, VL and VNNI together. BF16 dot products are asked for
 * apart, because CPUs differ. */
#ifndef CAIRN_BASE_CPU_H
#define CAIRN_BASE_CPU_H

#include <stdbool.h>

typedef enum cpu_level { CPU_SCALAR = 0, CPU_AVX2 = 1, CPU_AVX512 = 2 } cpu_level;

cpu_level cpu_level_get(void);
/* What the machine has, whatever CAIRN_CPU says; for tests that walk every usable row. */
cpu_level cpu_level_max(void);
const char *cpu_level_name(cpu_level level); /* "scalar", "avx2", "avx512" */
/* AVX512_VPOPCNTDQ present and the level in force is CPU_AVX512. */
bool cpu_has_avx512_vpopcntdq(void);
/* AVX512_BF16 present and the level in force is CPU_AVX512. */
bool cpu_has_avx512_bf16(void);

#endif
