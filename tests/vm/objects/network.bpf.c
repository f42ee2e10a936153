// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs that the loader attaches, by their types; libbpf attaches few of them itself. */
#include "object.h"

IDLE(filter, "socket")
IDLE(classifies, "tc")
IDLE(classifies_by_old_name, "classifier")
IDLE(acts, "action")
IDLE(on_chain, "tcx/ingress") /* libbpf 1.3, Linux 6.6 */
IDLE(pair, "netkit/primary") /* libbpf 1.3, Linux 6.7 */
IDLE(driver, "xdp")
IDLE(driver_with_fragments, "xdp.frags") /* Linux 5.18 */
IDLE(driver_map, "xdp/devmap") /* Linux 5.8 */
IDLE(processor_map, "xdp/cpumap") /* Linux 5.9 */
IDLE(message, "sk_msg")
IDLE(stream, "sk_skb/stream_verdict")
IDLE(lookup, "sk_lookup") /* Linux 5.9 */
IDLE(reuse, "sk_reuseport")
IDLE(dissects, "flow_dissector")
IDLE(tunnel_in, "lwt_in")
IDLE(tunnel_segment, "lwt_seg6local")
IDLE(infrared, "lirc_mode2")
IDLE(operations, "sockops")
