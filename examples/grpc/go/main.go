// Search or ask a Cairn server over gRPC: client search|ask ADDRESS TEXT (see ../README.md).
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	cairn "cairn.example/client/cairnv1"
)

func search(ctx context.Context, conn *grpc.ClientConn, text string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	answer, err := cairn.NewSearchClient(conn).Query(ctx, &cairn.QueryRequest{Query: text})
	if err != nil {
		return err
	}
	for _, hit := range answer.Hits {
		fmt.Printf("%d\t%s\t%s\n", hit.Rank, hit.Uri, hit.Heading)
	}
	return nil
}

func ask(ctx context.Context, conn *grpc.ClientConn, text string) error {
	events, err := cairn.NewAskClient(conn).Answer(ctx, &cairn.AnswerRequest{Question: text})
	for err == nil {
		var event *cairn.AnswerEvent
		if event, err = events.Recv(); err != nil {
			break
		}
		if done := event.GetDone(); done != nil {
			fmt.Println()
			for _, c := range done.Citations {
				fmt.Printf("[%d]\t%s\t%s\n", c.Number, c.Uri, c.Text)
			}
		} else {
			fmt.Print(event.GetText())
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

func main() {
	if len(os.Args) != 4 || (os.Args[1] != "search" && os.Args[1] != "ask") {
		fmt.Fprintln(os.Stderr, "usage: client search|ask ADDRESS TEXT")
		os.Exit(2)
	}
	conn, err := grpc.NewClient(os.Args[2], grpc.WithTransportCredentials(insecure.NewCredentials()))
	ctx := context.Background()
	if token := os.Getenv("CAIRN_TOKEN"); token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	if err == nil {
		defer conn.Close()
		if os.Args[1] == "search" {
			err = search(ctx, conn, os.Args[3])
		} else {
			err = ask(ctx, conn, os.Args[3])
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %s\n", status.Code(err), status.Convert(err).Message())
		os.Exit(1)
	}
}
