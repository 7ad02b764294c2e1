package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// nodeName is the one node of the bed. Without it pods stay Pending, which is how `up` leaves the bed.
const nodeName = "bed-node"

// nodeObject is the node: KWOK fills in its status, but neither its size nor the label that real charts select on.
const nodeObject = `{
  "apiVersion": "v1",
  "kind": "Node",
  "metadata": {"name": "` + nodeName + `", "labels": {
    "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": "` + nodeName + `"}},
  "status": {
    "capacity": {"cpu": "64", "memory": "256Gi", "pods": "5000"},
    "allocatable": {"cpu": "64", "memory": "256Gi", "pods": "5000"}}
}`

// node adds the node and waits until pods can be scheduled on it, or takes it away; content if that is done already.
func node(bed bedDir, remove bool) error {
	if bed.process(supervisor) == nil {
		return errors.New("the bed is down: start it with tests/bed/up")
	}
	api, err := bed.api()
	if err != nil {
		return err
	}
	const nodes = "/api/v1/nodes"
	if remove {
		if err := expect(api, http.MethodDelete, nodes+"/"+nodeName, "", http.StatusOK, http.StatusNotFound); err != nil {
			return err
		}
		return removePods(api)
	}
	if err := expect(api, http.MethodPost, nodes, nodeObject, http.StatusCreated, http.StatusConflict); err != nil {
		return err
	}
	if !waitFor(30*time.Second, func() bool { return schedulable(api, nodes+"/"+nodeName) }) {
		return fmt.Errorf("the node does not get ready; see %s", bed.logPath("kwok"))
	}
	return nil
}

// removePods deletes at once the pods that ran on the node. The control plane would do so as well, but only after a
// minute, during which they seem to run and namespaces that hold them are not deleted.
func removePods(api *apiClient) error {
	_, answer, err := api.do(http.MethodGet, "/api/v1/pods?fieldSelector=spec.nodeName="+nodeName, "")
	if err != nil {
		return err
	}
	var pods struct {
		Items []struct {
			Metadata struct{ Namespace, Name string }
		}
	}
	if err := json.Unmarshal(answer, &pods); err != nil {
		return err
	}
	for _, pod := range pods.Items {
		path := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s?gracePeriodSeconds=0", pod.Metadata.Namespace, pod.Metadata.Name)
		if err := expect(api, http.MethodDelete, path, "", http.StatusOK, http.StatusNotFound); err != nil {
			return err
		}
	}
	return nil
}

// expect makes a request and fails unless the answer is one of the expected codes.
func expect(api *apiClient, method, path, body string, codes ...int) error {
	got, answer, err := api.do(method, path, body)
	if err != nil {
		return err
	}
	for _, code := range codes {
		if got == code {
			return nil
		}
	}
	return fmt.Errorf("%s %s: %d: %s", method, path, got, answer)
}

// schedulable says whether the node is ready and without taints.
func schedulable(api *apiClient, path string) bool {
	_, answer, err := api.do(http.MethodGet, path, "")
	if err != nil {
		return false
	}
	var node struct {
		Spec   struct{ Taints []struct{ Key string } }
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	if json.Unmarshal(answer, &node) != nil || len(node.Spec.Taints) > 0 {
		return false
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" {
			return condition.Status == "True"
		}
	}
	return false
}
