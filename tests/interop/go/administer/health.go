package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/grpc/codes"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"coracle.test/clients/wire"
)

const (
	serving        = health.HealthCheckResponse_SERVING
	notServing     = health.HealthCheckResponse_NOT_SERVING
	serviceUnknown = health.HealthCheckResponse_SERVICE_UNKNOWN
)

// Only the leader serves these.
var leaderServices = []string{"Example", "quis.RaftLeader"}

// Every node serves these.
var nodeServices = []string{"", "RaftAdmin", "coracle.v1.CoracleAdmin"}

func checkHealth(c *cluster) error {
	found, others, err := c.leader()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()

	const check, watch, list = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/List"
	for _, n := range c.nodes {
		client := health.NewHealthClient(n.conn)
		expected := map[string]health.HealthCheckResponse_ServingStatus{}
		for _, service := range nodeServices {
			expected[service] = serving
		}
		for _, service := range leaderServices {
			expected[service] = notServing
			if n == found {
				expected[service] = serving
			}
		}
		for service, status := range expected {
			answer, err := client.Check(ctx, &health.HealthCheckRequest{Service: service})
			if err != nil || answer.Status != status {
				return problem(check, "%s says of %q: %v, %v", n.id, service, answer, err)
			}
		}
		_, err := client.Check(ctx, &health.HealthCheckRequest{Service: "boats"})
		if status.Code(err) != codes.NotFound {
			return problem(check, "an unknown service is answered by %v", err)
		}
		answer, err := client.List(ctx, &health.HealthListRequest{})
		if err != nil || !slices.Equal(slices.Sorted(maps.Keys(answer.Statuses)), slices.Sorted(maps.Keys(expected))) {
			return problem(list, "%v, %v", answer, err)
		}
		for service, status := range expected {
			if answer.Statuses[service].Status != status {
				return problem(list, "%s says of %q: %v", n.id, service, answer.Statuses[service])
			}
		}
	}
	ok(check, list)

	unknown, err := watchOf(ctx, found, "boats", serviceUnknown)
	if err != nil {
		return err
	}
	leading, err := watchOf(ctx, found, "Example", serving)
	if err != nil {
		return err
	}
	next, err := watchOf(ctx, others[0], "quis.RaftLeader", notServing)
	if err != nil {
		return err
	}
	whole, err := watchOf(ctx, found, "", serving)
	if err != nil {
		return err
	}
	to := []wire.Field{{Number: 1, Value: others[0].id}, {Number: 2, Value: others[0].members}}
	if _, err := found.expect("", "/RaftAdmin/LeadershipTransferToServer", to...); err != nil {
		return err
	}
	if err := leading.says(notServing); err != nil {
		return err
	}
	if err := next.says(serving); err != nil {
		return err
	}
	// What has not changed says nothing, and stays open until it is closed here.
	cancel()
	for _, stream := range []*watched{unknown, whole} {
		if answer, err := stream.client.Recv(); status.Code(err) != codes.Canceled {
			return problem(watch, "of %q: %v, %v", stream.service, answer, err)
		}
	}
	ok(watch)
	return nil
}

// watched is a service of a node, as its health is told.
type watched struct {
	client  health.Health_WatchClient
	service string
}

// watchOf begins to watch a service that is in a certain state.
func watchOf(ctx context.Context, n *node, service string, now health.HealthCheckResponse_ServingStatus) (*watched, error) {
	client, err := health.NewHealthClient(n.conn).Watch(ctx, &health.HealthCheckRequest{Service: service})
	if err != nil {
		return nil, err
	}
	stream := &watched{client, service}
	return stream, stream.says(now)
}

// says checks what is told next.
func (w *watched) says(expected health.HealthCheckResponse_ServingStatus) error {
	answer, err := w.client.Recv()
	if err != nil || answer.Status != expected {
		return fmt.Errorf("Watch of %q: %v instead of %v, %v", w.service, answer, expected, err)
	}
	return nil
}
