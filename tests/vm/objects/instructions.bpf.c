// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Instructions that later kernels brought, each by its bytes: what compiles it may be older. */
#include "object.h"

#define BYTES(a, b, offset, number) \
	asm volatile(".byte " #a ", " #b "\n.short " #offset "\n.long " #number)

#define DOES(name, ...) \
	SEC("raw_tp/sched_process_exec") int name(void *context) \
	{ \
		__u64 word = 0; \
		asm volatile("r6 = %0\nr0 = 1\n*(u64 *)(r6 + 0) = r0\nr1 = 1" \
			     : : "r"(&word) : "r0", "r1", "r6", "memory"); \
		__VA_ARGS__; \
		return word == 12345; \
	}

DOES(adds_atomically, BYTES(0xdb, 0x16, 0, 0x00))
DOES(fetches_and_adds, BYTES(0xdb, 0x16, 0, 0x01)) /* Linux 5.12 */
DOES(exchanges, BYTES(0xdb, 0x16, 0, 0xe1)) /* Linux 5.12 */
DOES(jumps_by_half, BYTES(0x16, 0x01, 0, 0)) /* Linux 5.1 */
DOES(divides_signed, BYTES(0x3f, 0x10, 1, 0)) /* Linux 6.6 */
DOES(moves_signed, BYTES(0xbf, 0x10, 8, 0)) /* Linux 6.6 */
DOES(swaps_bytes, BYTES(0xd7, 0x00, 0, 16)) /* Linux 6.6 */
DOES(loads_signed, BYTES(0x81, 0x60, 0, 0)) /* Linux 6.6 */
DOES(goes_far, BYTES(0x06, 0x00, 0, 0)) /* Linux 6.6 */
DOES(may_go, BYTES(0xe5, 0x00, 0, 0)) /* Linux 6.9 */
DOES(loads_and_acquires, BYTES(0xdb, 0x60, 0, 0x100)) /* Linux 6.14 */
DOES(never_was, BYTES(0xff, 0x00, 0, 0))
