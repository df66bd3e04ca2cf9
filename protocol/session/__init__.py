"""From two logs to one key: Alice and Bob as two state machines that exchange seven messages."""
