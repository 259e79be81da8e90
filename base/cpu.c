/* cpu.c - see cpu.h. __builtin_cpu_supports also asks the operating system whether it saves the
 * wide registers (XCR0), so a level it reports never faults. */
#include "base/cpu.h"

#include <cpuid.h>
#include <stdlib.h>
#include <string.h>

/* Half floats: clang does not know the word. Its state is AVX's, which the callers ask for. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

static cpu_level find_level(void)
{
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma") && has_f16c())
        return CPU_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c())
        return CPU_AVX2;
    return CPU_SCALAR;
}

/* Found once: asking the processor takes tens of microseconds on a virtual machine. Racing first callers
 * find the same, so a relaxed atomic is enough. */
cpu_level cpu_level_max(void)
{
    static int found = -1;
    int level = __atomic_load_n(&found, __ATOMIC_RELAXED);

    if (level < 0) {
        level = find_level();
        __atomic_store_n(&found, level, __ATOMIC_RELAXED);
    }
    return (cpu_level)level;
}

const char *cpu_level_name(cpu_level level)
{
    static const char *const names[] = {"scalar", "avx2", "avx512"};

    return names[level];
}

cpu_level cpu_level_get(void)
{
    static int cached = -1; /* as above */
    int level = __atomic_load_n(&cached, __ATOMIC_RELAXED);

    if (level < 0) {
        const char *want = getenv("CAIRN_CPU");
        level = cpu_level_max();
        for (int l = CPU_SCALAR; want && l < level; l++)
            if (!strcmp(want, cpu_level_name((cpu_level)l)))
                level = l;
        __atomic_store_n(&cached, level, __ATOMIC_RELAXED);
    }
    return (cpu_level)level;
}

bool cpu_has_avx512_vpopcntdq(void)
{
    return cpu_level_get() == CPU_AVX512 && __builtin_cpu_supports("avx512vpopcntdq");
}

bool cpu_has_avx512_bf16(void)
{
    return cpu_level_get() == CPU_AVX512 && __builtin_cpu_supports("avx512bf16");
}
