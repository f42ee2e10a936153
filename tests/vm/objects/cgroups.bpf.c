// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs of control groups: what the kernel is told when they are loaded differs. Each allows. */
#include "object.h"

#define ALLOWS(name, section) \
	SEC(section) int name(void *context) \
	{ \
		return 1; \
	}

ALLOWS(ingress, "cgroup_skb/ingress")
ALLOWS(egress, "cgroup_skb/egress")
ALLOWS(any_packet, "cgroup/skb")
ALLOWS(device, "cgroup/dev")
ALLOWS(setting, "cgroup/sysctl")
ALLOWS(socket, "cgroup/sock")
ALLOWS(socket_created, "cgroup/sock_create")
ALLOWS(socket_released, "cgroup/sock_release") /* Linux 5.9 */
ALLOWS(bound, "cgroup/post_bind4")
ALLOWS(binds, "cgroup/bind4")
ALLOWS(connects, "cgroup/connect6")
ALLOWS(sends, "cgroup/sendmsg4")
ALLOWS(receives, "cgroup/recvmsg6")
ALLOWS(peer, "cgroup/getpeername4") /* Linux 5.8 */
ALLOWS(reads_option, "cgroup/getsockopt")
ALLOWS(sets_option, "cgroup/setsockopt")
ALLOWS(connects_locally, "cgroup/connect_unix") /* Linux 6.7 */

SEC("cgroup/bind4") int binds_with_two(void *context)
{
	return 2;
}

SEC("cgroup_skb/ingress") int ingress_with_ten(void *context)
{
	return 10;
}
