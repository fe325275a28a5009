# SPDX-License-Identifier: MIT
# Runs every case in /world/cases inside the guest, for tools/world: a fresh folder, an empty
# environment, no input, at most a minute each. What a case leaves running is killed (not this
# shell: kill -1 spares the caller and process 1). For each case it prints
#   @@ NAME STATUS BYTES
# and then its output, standard error included.

shell=$1
b=/world/busybox
for case in /world/cases/*; do
	$b rm -rf /tmp/w /tmp/out
	$b mkdir /tmp/w
	$b cp "$case" /tmp/case
	cd /tmp/w
	$b env -i PATH=/usr/local/bin:/bin:/sbin:/usr/bin:/usr/sbin HOME=/tmp/w TZ=UTC LC_ALL=C \
		$b timeout -s KILL 60 "$shell" /tmp/case < /dev/null > /tmp/out 2>&1
	status=$?
	kill -KILL -1
	cd /
	echo "@@ ${case##*/} $status $($b wc -c < /tmp/out)"
	$b cat /tmp/out
	echo
done
