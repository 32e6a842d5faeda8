// Package multi lets a target name several nodes.
package multi

import (
	"strings"

	"google.golang.org/grpc/resolver"
)

// multiBuilder makes targets such as "multi:///a:1,b:2,c:3" mean all these addresses. The nodes see the whole list as
// the authority of each request.
type multiBuilder struct{}

func init() { resolver.Register(multiBuilder{}) }

func (multiBuilder) Scheme() string { return "multi" }

func (multiBuilder) Build(target resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	var state resolver.State
	for _, address := range strings.Split(target.Endpoint(), ",") {
		endpoint := resolver.Endpoint{Addresses: []resolver.Address{{Addr: address}}}
		state.Endpoints = append(state.Endpoints, endpoint)
	}
	return multiResolver{}, conn.UpdateState(state)
}

// multiResolver has nothing more to find out: the addresses are known from the start.
type multiResolver struct{}

func (multiResolver) ResolveNow(resolver.ResolveNowOptions) {}
func (multiResolver) Close()                                {}
