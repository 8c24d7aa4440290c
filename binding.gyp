{
  "targets": [
    {
      "target_name": "steppe",
      "type": "none",
      "actions": [
        { "action_name": "cmake", "inputs": [], "outputs": ["build/Release/steppe.node"], "action": ["node", "scripts/build-native.mjs"] }
      ]
    }
  ]
}
