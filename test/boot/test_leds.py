# SPDX-License-Identifier: MIT
"""The lights of the Raspberry Pi 4."""

from boards import PI, on

BEATS = """
cd /sys/class/leds/ACT
echo 0 > brightness; cat brightness trigger
echo heartbeat > trigger; cat trigger
i=0; while [ $i -lt 60 ]; do cat brightness; i=$((i+1)); usleep 50000; done | uniq | tr -d '\\n'; echo
echo none > trigger; cat trigger; sleep 1; cat brightness
echo 1 > brightness; sleep 2; cat brightness
echo heartbeat > trigger; echo 0 > brightness; cat trigger; sleep 2; cat brightness
echo nonsense > trigger || cat trigger
"""


@on(PI)
def test_heartbeat(board):
    before, trigger, beating, beats, *after = board.shell(BEATS).stdout.decode().splitlines()
    assert (before, trigger, beating) == ("0", "[none] heartbeat", "none [heartbeat]")
    assert 4 <= beats.count("1") and 4 <= beats.count("0"), beats
    assert after == ["[none] heartbeat", "0", "1", "[none] heartbeat", "0", "[none] heartbeat"]
