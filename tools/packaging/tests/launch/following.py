"""How a program follows its push, as short as can be; tests put it before the programs that they write."""

SOURCE = '''
import fcntl, json, os, sys, time

def read():
    """The state as it is now: None while there is none, failed when its writer has died."""
    with open(os.environ["SEMATIC_PUSH"]) as file:
        text = file.read()
        if not text:
            return None
        found = json.loads(text)
        if found["state"] == "pushing":
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return {"state": "failed", "reason": "the push ended without a result"}
            except BlockingIOError:
                pass
        return found

def wait(until=lambda found: found["state"] != "pushing"):
    while True:
        found = read()
        if found and until(found):
            return found
        time.sleep(0.01)

def started():
    return wait(lambda found: True)
'''
