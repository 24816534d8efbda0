#!/usr/bin/env python3
"""Keeps the table `profile` of a PostgreSQL like the topic `unified-profile`: a record is a row, a tombstone deletes it.

In: the committed records of the topic, from where the database has been left. Out: each batch as one transaction, together with how
far the topic was read: whatever ends in between, no record is missed and none is written twice. Several may run at once; each has
partitions of its own, and one that lost a partition without noticing cannot write what another one has written.

Tombstones are kept for a week. Who was away for longer may have missed that somebody is gone, so the sink does not go on then.

A record that cannot be read stops the sink, with the record's coordinates and what to do; nothing is passed over.
"""

import argparse
import json
import struct
import sys
import time
import urllib.request
from datetime import datetime, timezone
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import fastavro
import psycopg
from psycopg import sql
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

SINGLE_OBJECT = b"\xc3\x01"
CONFLUENT = b"\x00"
BATCH_RECORDS = 1000
# How often the database is told that there was nothing to read.
QUIET_SECONDS = 600


class Stop(Exception):
    """What the sink cannot go on with; a sentence for whoever runs it."""


class Schemas:
    """With which schema a record was written, by what stands before it: a fingerprint, or the id in a registry."""

    def __init__(self, published: Path, registry: str | None):
        self.registry = registry
        self.known = {}
        for file in sorted(published.glob("*.avsc")):
            schema = json.loads(file.read_text())
            canonical = fastavro.schema.to_parsing_canonical_form(schema)
            fingerprint = bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))
            self.known[SINGLE_OBJECT + fingerprint] = fastavro.parse_schema(schema)
        if not self.known:
            raise Stop(f"{published} has no schemas; --schemas is the folder schemas/published/unified-profile of Kinfold")

    def decode(self, value: bytes) -> dict:
        length = 10 if value.startswith(SINGLE_OBJECT) else 5
        head, body = value[:length], value[length:]
        if head not in self.known and head.startswith(CONFLUENT):
            self.known[head] = self.ask(struct.unpack(">I", head[1:])[0])
        if head not in self.known:
            raise Stop("it was written with a schema that is not in --schemas; take the folder of the Kinfold that writes the topic")
        return fastavro.schemaless_reader(BytesIO(body), self.known[head])

    def ask(self, schema_id: int) -> dict:
        if self.registry is None:
            raise Stop(f"it was written with schema {schema_id} of a registry; say which one with --registry")
        with urllib.request.urlopen(f"{self.registry.rstrip('/')}/schemas/ids/{schema_id}", timeout=30) as answer:
            return fastavro.parse_schema(json.loads(json.load(answer)["schema"]))


class Table:
    """The tables of one topic: rows of people, and how far each partition was read."""

    def __init__(self, conninfo: str, schema: str | None, topic: str):
        self.connection = psycopg.connect(conninfo)
        with self.connection.transaction():
            self.alone()
            if schema is not None:
                self.connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
                self.connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
            self.connection.execute((Path(__file__).parent / "tables.sql").read_text())
            self.refuse_others(topic)

    def alone(self):
        """Until the end of the transaction: two that start at once would both find no tables, or no other topic in them."""
        self.connection.execute("SELECT pg_advisory_xact_lock(hashtext('kinfold profile sink'))")

    def refuse_others(self, topic: str):
        # A row is of a person and not of a topic: what one topic has of somebody would overwrite what another one has, and its
        # tombstone would delete it.
        other = self.connection.execute("SELECT topic FROM position WHERE topic <> %s LIMIT 1", (topic,)).fetchone()
        if other:
            raise Stop(
                f"these tables follow {other[0]}, and {topic} needs tables of its own: say in which schema of the database with"
                " --tables-in; if both were written into these, TRUNCATE profile, position first"
            )

    def next_offset(self, topic: str, partition: int, days_max: float) -> int | None:
        with self.connection.transaction():
            row = self.connection.execute(
                "SELECT next_offset, read_at < now() - %s * interval '1 day' FROM position"
                " WHERE topic = %s AND partition = %s",
                (days_max, topic, partition),
            ).fetchone()
        if row and row[1]:
            raise Stop(
                f"partition {partition} of {topic} was last read more than {days_max:g} days ago, and tombstones may be gone"
                " since; TRUNCATE profile, position and start again: everything is read anew"
            )
        return row and row[0]

    def still_there(self, topic: str, partitions: set[int]):
        with self.connection.transaction():
            self.connection.execute(
                "UPDATE position SET read_at = now() WHERE topic = %s AND partition = ANY(%s)", (topic, list(partitions))
            )

    def write(self, changes: list[tuple[str, dict | None]], steps: dict[tuple[str, int], tuple[int | None, int]]):
        """The changes in their order, and for each partition from where to where they lead."""
        # Of several changes of one person only the last one matters.
        last = dict(changes)
        gone = [person for person, record in last.items() if record is None]
        rows = [(person, r["version"], json.dumps(r, default=plain)) for person, r in last.items() if r is not None]
        with self.connection.transaction(), self.connection.cursor() as cursor:
            for (topic, partition), (before, after) in steps.items():
                if before is None:
                    self.alone()
                    self.refuse_others(topic)
                    cursor.execute(
                        "INSERT INTO position VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (topic, partition, after)
                    )
                else:
                    cursor.execute(
                        "UPDATE position SET next_offset = %s, read_at = now() WHERE topic = %s AND partition = %s AND next_offset = %s",
                        (after, topic, partition, before),
                    )
                if cursor.rowcount != 1:
                    raise Stop(f"another sink goes on with partition {partition} of {topic}; start this one anew")
            cursor.execute("DELETE FROM profile WHERE person_id = ANY(%s::uuid[])", (gone,))
            cursor.executemany(
                "INSERT INTO profile VALUES (%s, %s, %s) ON CONFLICT (person_id)"
                " DO UPDATE SET version = EXCLUDED.version, record = EXCLUDED.record",
                rows,
            )


def plain(value):
    """What Avro's logical types become in JSON."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat()


class Sink:
    def __init__(self, options: argparse.Namespace):
        self.topic, self.once, self.days_max = options.topic, options.once, options.tombstone_days
        self.schemas = Schemas(options.schemas, options.registry)
        self.table = Table(options.database, options.tables_in, options.topic)
        # Partition → the next record, as the database has it; None where it has none yet.
        self.positions: dict[int, int | None] = {}
        settings = {
            "bootstrap.servers": options.bootstrap,
            "group.id": options.group,
            # The database knows how far the topic is read.
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            # What was never committed was never said.
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
        settings.update(setting.split("=", 1) for setting in options.kafka)
        self.consumer = Consumer(settings)
        self.ended: set[int] = set()
        self.told_at = time.monotonic()

    def run(self):
        self.consumer.subscribe([self.topic], on_assign=self.assigned, on_revoke=self.revoked)
        try:
            while not (self.once and self.positions and self.ended >= self.positions.keys()):
                self.step(self.consumer.consume(BATCH_RECORDS, timeout=1.0))
        finally:
            self.consumer.close()

    def assigned(self, consumer: Consumer, partitions: list[TopicPartition]):
        for partition in partitions:
            position = self.table.next_offset(self.topic, partition.partition, self.days_max)
            self.positions[partition.partition] = position
            partition.offset = OFFSET_BEGINNING if position is None else position
        consumer.assign(partitions)

    def revoked(self, _consumer: Consumer, partitions: list[TopicPartition]):
        for partition in partitions:
            self.positions.pop(partition.partition, None)
            self.ended.discard(partition.partition)

    def step(self, messages):
        changes, after = [], {}
        for message in messages:
            if message.error() is None:
                self.ended.discard(message.partition())
                changes.append((message.key().decode(), self.read(message)))
                after[message.partition()] = message.offset() + 1
            elif message.error().name() == "_PARTITION_EOF":
                self.ended.add(message.partition())
            else:
                raise KafkaException(message.error())
        if after:
            steps = {(self.topic, p): (self.positions[p], offset) for p, offset in after.items()}
            self.table.write(changes, steps)
            self.positions.update(after)
        if self.ended and time.monotonic() - self.told_at > QUIET_SECONDS:
            self.table.still_there(self.topic, self.ended)
            self.told_at = time.monotonic()

    def read(self, message) -> dict | None:
        if message.value() is None:
            return None
        try:
            return self.schemas.decode(message.value())
        except Stop as stop:
            raise Stop(f"partition {message.partition()}, offset {message.offset()} of {self.topic}: {stop}") from None


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bootstrap", required=True, help="brokers, as host:port,…")
    parser.add_argument("--topic", default="kinfold.unified-profile", help="that of an output will do, too")
    parser.add_argument("--database", required=True, help="as libpq reads it, for example postgresql://crm@localhost/crm")
    parser.add_argument(
        "--tables-in", metavar="SCHEMA", help="a schema of the database, made if there is none of the name; each topic needs its own"
    )
    parser.add_argument("--schemas", type=Path, required=True, help="the folder schemas/published/unified-profile of Kinfold")
    parser.add_argument("--registry", help="the URL of a schema registry, where Kinfold writes with one")
    parser.add_argument("--group", default="kinfold-postgres-sink", help="those with one group share the partitions")
    parser.add_argument("--kafka", action="append", default=[], metavar="NAME=VALUE", help="more settings of librdkafka")
    parser.add_argument(
        "--tombstone-days", type=float, default=7, help="so long the topic keeps tombstones (delete.retention.ms); 7 by default"
    )
    parser.add_argument("--once", action="store_true", help="end at the end of the topic")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        Sink(options()).run()
    except Stop as stop:
        sys.exit(f"sink.py: {stop}")
    except KafkaException as fault:
        sys.exit(f"sink.py: Kafka: {fault.args[0].str()}")
    except psycopg.OperationalError as fault:
        sys.exit(f"sink.py: PostgreSQL: {fault}")
    except KeyboardInterrupt:
        pass
