"""What is measured, in the order of the report."""

from bench.measures.beside import Beside
from bench.measures.bulk import Bulk
from bench.measures.connections import Connections
from bench.measures.datagrams import Datagrams
from bench.measures.datagrams_beside import DatagramsBeside
from bench.measures.firstbyte import FirstByte
from bench.measures.hops import Hops
from bench.measures.idle import Idle
from bench.measures.measure import Measure
from bench.measures.paused import Paused
from bench.measures.scale import Scale
from bench.measures.stages import Stages
from bench.measures.startup import Startup

MEASURES: tuple[Measure, ...] = (
    Connections(),
    Stages(),
    Bulk(),
    Idle(),
    Scale(),
    FirstByte(),
    Hops(),
    Beside(),
    Datagrams(),
    DatagramsBeside(),
    Startup(),
    Paused(),
)
