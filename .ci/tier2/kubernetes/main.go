// Reads manifests from the standard input as Kubernetes itself would: into the types of its own API, with unknown and repeated
// fields refused. Prints the kind and the name of each.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"bufio"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme,
		json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(input)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fail(err)
		}
		object, kind, err := runtime.Decoder(strict).Decode(document, nil, nil)
		if err != nil {
			fail(fmt.Errorf("%w, in:\n%s", err, document))
		}
		fmt.Println(kind.Kind, object.(metav1.Object).GetName())
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
