"""emisd with a Modbus server that we did not write: pymodbus, as packaged in Debian."""

import json
import socket
import subprocess

from tests.support.rig import PYTHON, ROOT, Process, build_dir, wait_for

SERVER = '''
import asyncio, struct, sys
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server.async_io import ModbusTcpServer

def words(value):
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return [low, high]

async def main():
    registers = [w for v in (118.5, -0.42, 7.75, 11.25) for w in words(v)]
    store = ModbusSlaveContext(hr=ModbusSequentialDataBlock(0, registers), zero_mode=True)
    server = ModbusTcpServer(ModbusServerContext(slaves=store, single=True), address=("127.0.0.1", 0))
    task = asyncio.create_task(server.serve_forever())
    await server.serving
    print(server.server.sockets[0].getsockname()[1], flush=True)
    await task

asyncio.run(main())
'''

CONF = '''
site = {{ id = "foreign"; name = "test"; }};
simulation = true;
links = ( {{ name = "plc"; type = "tcp"; host = "127.0.0.1"; port = {port}; }} );
instruments = ( {{ name = "stack"; link = "plc"; unit = 1; profile = "generic-float-cdab"; poll = "1s"; }} );
outlets = ( {{ id = "DA009"; medium = "gas"; sector = "steel.sinter-head"; tiers = [ ];
  points = ( {{ factor = "temp"; from = "stack.temp"; }}, {{ factor = "pressure"; from = "stack.pressure"; }},
             {{ factor = "humidity"; from = "stack.humidity"; }}, {{ factor = "velocity"; from = "stack.velocity"; }} ); }} );
store = {{ path = "{folder}/data"; }};
control = {{ socket = "{folder}/ctl.sock"; }};
'''


def test_pymodbus_is_read_over_tcp(tmp_path):
    server = subprocess.Popen([PYTHON, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    emisd = None
    try:
        port = int(server.stdout.readline())
        conf = tmp_path / "emisd.conf"
        conf.write_text(CONF.format(port=port, folder=tmp_path))
        emisd = Process([build_dir() / "daemon/emisd", "--config", conf, "--share", ROOT / "config", "--time-scale", "10"],
                        tmp_path / "emisd.log")

        def values():
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.settimeout(5)
                    s.connect(str(tmp_path / "ctl.sock"))
                    s.sendall(b'{"cmd":"status"}\n')
                    tables = json.loads(s.makefile().readline())["tables"]
            except OSError:
                return None
            points = next(t for t in tables if t["name"] == "points")
            names = [c["name"] for c in points["columns"]]
            rows = [dict(zip(names, row)) for row in points["rows"]]
            return rows if all(r["flag"] == "N" for r in rows) else None

        rows = wait_for(values, 30, "values of all points")
        assert [round(r["raw"], 4) for r in rows] == [118.5, -0.42, 7.75, 11.25]
        assert emisd.stop() == 0
    finally:
        if emisd and emisd.running():
            emisd.stop()
        server.terminate()
        server.wait()
