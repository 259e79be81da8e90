"""Search or ask a Cairn server over gRPC: client.py search|ask ADDRESS TEXT (see ../README.md)."""
import os
import sys

import grpc

from cairn.v1 import ask_pb2, ask_pb2_grpc, search_pb2, search_pb2_grpc


def search(channel, text, metadata):
    stub = search_pb2_grpc.SearchStub(channel)
    answer = stub.Query(search_pb2.QueryRequest(query=text), metadata=metadata, timeout=60)
    for hit in answer.hits:
        print(hit.rank, hit.uri, hit.heading, sep="\t")


def ask(channel, text, metadata):
    stub = ask_pb2_grpc.AskStub(channel)
    for event in stub.Answer(ask_pb2.AnswerRequest(question=text), metadata=metadata):
        if event.WhichOneof("event") == "text":
            print(event.text, end="", flush=True)
        else:
            print()
            for c in event.done.citations:
                print(f"[{c.number}]", c.uri, c.text, sep="\t")


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("search", "ask"):
        sys.exit("usage: client.py search|ask ADDRESS TEXT")
    what, address, text = sys.argv[1:]
    token = os.environ.get("CAIRN_TOKEN")
    metadata = [("authorization", "Bearer " + token)] if token else []
    with grpc.insecure_channel(address) as channel:
        try:
            (search if what == "search" else ask)(channel, text, metadata)
        except grpc.RpcError as e:
            sys.exit(f"{e.code().name}: {e.details()}")


main()
