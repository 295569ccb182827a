/* What the process may use of the machine: cores, and instruction sets. */
#ifndef BGI_CPU_H
#define BGI_CPU_H

#include <blasgrad/status.h>

#include "kernels/kernels.h"

/* Physical cores with at least one hardware thread in the calling thread's affinity mask, at most the cgroup's quota.
 */
int bgi_cpu_cores(void);
/* Hardware threads in the mask, at most the quota: how many threads can run at one time. */
int bgi_cpu_threads(void);
/* Physical cores with at least one of these hardware threads; one whose core is not known is a core. root stands before
 * the names of files: "" outside tests. */
int bgi_cpu_cores_of(const char *root, const int *threads, int n);
/* The processor time a second that the process's cgroup and its parents grant, rounded up to whole processors; INT_MAX
 * if they set no limit. root is as above. */
int bgi_cpu_quota(const char *root);

/* The fastest kernels that run here, or those that the environment variable BLASGRAD_KERNELS names: BG_ERR_SYSTEM, with
 * the names to choose from, if they do not. */
bg_status bgi_cpu_kernels(const bgk_table **table);

#endif
